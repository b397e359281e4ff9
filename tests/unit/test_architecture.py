"""The arrows of docs/architecture.md, read from the imports themselves."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("fs_app", "ivr", "scheduler", "httpapi")
COMMON = {"fs_app.errors"}

# room -> what of ours it may import besides itself and the exception tree
MAY: dict[str, set[str]] = {
    "fs_app.domain": set(),
    "fs_app.clock": set(),
    "fs_app.gathered": set(),
    "fs_app.errors": set(),
    "fs_app.passwords": set(),
    "fs_app.config": {"fs_app.domain"},
    "fs_app.audio": set(),
    "fs_app.audio_decode": {"fs_app.audio"},
    "fs_app.words": {"fs_app.domain"},
    "fs_app.numbers": {"fs_app.domain"},
    "fs_app.ics": {"fs_app.domain"},
    "fs_app.store": {"fs_app.words", "fs_app.domain", "fs_app.numbers"},
    "fs_app.switch": {"fs_app.domain", "fs_app.clock"},
    "fs_app.notify": {"fs_app.domain", "fs_app.clock"},
    "fs_app.simulator": {"fs_app.domain", "fs_app.clock"},
    "ivr.inside": {"ivr", "fs_app.config", "fs_app.domain", "fs_app.clock", "fs_app.store", "fs_app.switch"},
    "ivr": {"fs_app.words", "fs_app.domain", "fs_app.clock", "fs_app.store", "fs_app.switch"},
    "scheduler": {
        "fs_app.words",
        "fs_app.domain",
        "fs_app.clock",
        "fs_app.gathered",
        "fs_app.store",
        "fs_app.switch",
    },
    "httpapi": {
        "fs_app.notify",
        "fs_app.ics",
        "fs_app.domain",
        "fs_app.clock",
        "fs_app.store",
        "fs_app.switch",
        "fs_app.passwords",
        "fs_app.numbers",
        "fs_app.audio",
    },
}
PURE = (
    *("ivr.engine", "scheduler.plan", "scheduler.retry", "scheduler.explain"),
    "fs_app.switch.hangup",
)
PURE_MAY = {"fs_app.domain", "fs_app.words", "ivr.dialogue", "ivr.nodes", "ivr.words"}
PURE_MAY |= {"scheduler.retry", "scheduler.plan"}
READS_THE_CLOCK = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(|\btime\.(time|monotonic|sleep)\(")


def modules() -> Iterator[tuple[str, Path]]:
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, path


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=n) for n, p in modules()])
def test_imports_point_one_way(name: str, path: Path) -> None:
    room = next((r for r in MAY if within(name, {r})), None)
    if room is None:
        return  # the composition root and the command line may import all
    for imported in imports(path):
        if imported.split(".")[0] in OURS and imported not in ("fs_app", "fs_app.__version__"):
            assert within(imported, {room} | MAY[room] | COMMON), f"{name} imports {imported}"


@pytest.mark.parametrize("name", PURE)
def test_decisions_import_values_only(name: str) -> None:
    path = ROOT / (name.replace(".", "/") + ".py")
    for imported in imports(path):
        top = imported.split(".")[0]
        assert within(imported, PURE_MAY | COMMON) or top in sys.stdlib_module_names, f"{name} imports {imported}"


def test_the_domain_imports_the_standard_library_only() -> None:
    for name, path in modules():
        if within(name, {"fs_app.domain"}):
            tops = {i.split(".")[0] for i in imports(path)} - {"fs_app"}
            assert tops <= set(sys.stdlib_module_names), name


def test_only_clock_py_reads_the_time() -> None:
    readers = [n for n, p in modules() if READS_THE_CLOCK.search(p.read_text(encoding="utf-8"))]
    assert readers == ["fs_app.clock"]


def test_nothing_is_monkey_patched() -> None:
    assert [n for n, p in modules() if "monkey" in p.read_text(encoding="utf-8")] == []
