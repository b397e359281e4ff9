# make demo, make test: both set up .venv by themselves. Python 3.11 or newer, git, make and gcc are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FULL_STAMP := $(VENV)/.installed-test

.PHONY: demo test soak soak-years soak-chaos lint bench clean

demo: $(STAMP)
	$(BIN)/fs-app demo

test: lint
	$(BIN)/python -m pytest -n auto --dist worksteal

# As long as one likes: make soak YEARS=5 ALARMS=10000
soak: soak-years soak-chaos

# Years of 10,000 alarms each on a virtual clock.
YEARS ?= 1
soak-years: $(FULL_STAMP)
	FS_APP_TEST_SOAK=$(YEARS) $(BIN)/python -m pytest -q -p no:xdist -s tests/simulation -k soak

# Two schedulers, two IVR servers, two switches and one PostgreSQL under SIGKILL.
ALARMS ?= 2000
soak-chaos: $(FULL_STAMP)
	FS_APP_TEST_SOAK_ALARMS=$(ALARMS) $(BIN)/python -m pytest -q -s tests/integration/test_chaos.py

lint: $(FULL_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# python-ESL is only a peer to measure against; it builds with SWIG 3 and a C++ compiler, and is done without if not.
bench: $(FULL_STAMP)
	-$(BIN)/python -c 'import ESL' 2>/dev/null || ( \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'swig==3.0.12' wheel 'setuptools<81' && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --no-build-isolation python-ESL )
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(BIN)/python setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[voice]'
	touch $(STAMP)

$(FULL_STAMP): $(BIN)/python setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[voice,postgres,test]'
	touch $(STAMP) $(FULL_STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
