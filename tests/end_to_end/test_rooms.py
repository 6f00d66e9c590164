"""Each package of the rehearsal has one door: other code imports from its `__init__` only."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("rehearsal.emulator", "rehearsal.engine", "rehearsal.fault_injection")

# They test the inside of one room.
WHITE_BOX: Final = {
    "tests.end_to_end.test_emulator": "rehearsal.emulator",
    "tests.end_to_end.test_ministack_internals": "rehearsal.emulator",
}

# Only these inject faults.
INJECTORS: Final = ("bench", "rehearsal.fault_injection", "tests")


def files() -> Iterator[tuple[str, Path]]:
    """Yield all modules of the repository by name, with their files."""
    for package in ("bench", "function", "infra", "rehearsal", "runtask", "tests"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports: modules, and `module.name` of every name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def exported(room: str) -> set[str]:
    """Return the names that a room exports."""
    tree = ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    (names,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return {f"{room}.{name}" for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_entered_by_its_door_only(room: str) -> None:
    doors = exported(room)
    intruders = {
        f"{module} imports {name}"
        for module, path in files()
        if not is_inside(module, room) and WHITE_BOX.get(module) != room
        for name in imports(path)
        if is_inside(name, room) and name not in doors
    }

    assert intruders == set()


def test_only_tests_and_benchmarks_inject_faults() -> None:
    users = {
        module
        for module, path in files()
        if not any(is_inside(module, package) for package in INJECTORS)
        and any(is_inside(name, "rehearsal.fault_injection") for name in imports(path))
    }

    assert users == set()


def test_the_product_does_not_import_the_rehearsal() -> None:
    users = {
        module
        for module, path in files()
        if any(is_inside(module, package) for package in ("function", "infra", "runtask"))
        and any(is_inside(name, "rehearsal") for name in imports(path))
    }

    assert users == set()
