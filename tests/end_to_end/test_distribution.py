"""The rehearsal is a distribution of its own, which adds the verb `local` to the command."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parents[2]


def read(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path / "pyproject.toml").read_text(encoding="utf-8"))


def pins(requirements: list[str]) -> list[str]:
    return [text for text in requirements if text.startswith("ministack")]


def test_the_verb_is_an_entry_point_of_the_rehearsal() -> None:
    ((name, value),) = read("rehearsal")["project"]["entry-points"]["runtask.commands"].items()
    command = EntryPoint(name=name, value=value, group="runtask.commands").load()

    assert isinstance(command, click.Command)
    assert command.name == name == "local"


def test_every_package_of_the_rehearsal_is_in_its_distribution() -> None:
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "rehearsal").rglob("__init__.py")
    }

    assert set(read("rehearsal")["tool"]["setuptools"]["packages"]) == packages


def test_the_product_does_not_ship_the_rehearsal() -> None:
    found = read(".")["tool"]["setuptools"]["packages"]["find"]["include"]

    assert found == ["function*", "infra*", "runtask*"]


def test_the_emulator_has_one_pin() -> None:
    project = read(".")["project"]
    (pin,) = pins(read("rehearsal")["project"]["dependencies"])

    assert pins(project["optional-dependencies"]["dev"]) == [pin]
    assert pins(project["dependencies"]) == []
