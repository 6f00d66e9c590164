"""What is missing for the rehearsal is named, with the command that installs it."""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal import requirements
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that takes a package out of the environment."""

    def take(package: str) -> None:
        find = importlib.util.find_spec

        def find_spec(name: str) -> Any:
            return None if name == package else find(name)

        monkeypatch.setattr(requirements, "find_spec", find_spec)

    return take


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return a function that puts a Pulumi CLI with plugins on the PATH, and nothing else."""

    def install(plugins: list[dict[str, str]], *, exit_code: int = 0) -> None:
        command = tmp_path / "pulumi"
        command.write_text(
            f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['plugin', 'ls', '--json']\n"
            f"print({json.dumps(plugins)!r})\nsys.exit({exit_code})\n",
            encoding="utf-8",
        )
        command.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "find_spec", lambda name: name)
    return install


def plugin(version_: str) -> dict[str, str]:
    return {"name": "aws", "kind": "resource", "version": version_}


def problems() -> list[str]:
    with pytest.raises(RuntaskError) as caught:
        requirements.check_pulumi()
    first, *rest = str(caught.value).splitlines()
    assert first == "--engine pulumi cannot run:"
    return rest


def test_with_everything_installed_nothing_is_wrong(cli: Callable[..., None]) -> None:
    cli([plugin(version("pulumi-aws"))])
    requirements.check_pulumi()


def test_an_environment_without_pip_is_told(
    cli: Callable[..., None], without: Callable[[str], None]
) -> None:
    cli([plugin(version("pulumi-aws"))])
    without("pip")
    (problem,) = problems()
    assert f"pip, which the Pulumi CLI calls, is not installed in {sys.prefix}" in problem
    assert f"run ./dev -s local, whose environment has it, or run: {sys.executable} -m " in problem


def test_an_environment_without_the_emulator_is_told(
    cli: Callable[..., None], without: Callable[[str], None]
) -> None:
    cli([plugin(version("pulumi-aws"))])
    without("ministack")
    (problem,) = problems()
    assert "the embedded AWS, is not installed" in problem
    assert problem.endswith(f"{sys.executable} -m pip install --no-deps -r requirements-dev.txt")
    with pytest.raises(RuntaskError, match=r"pip install --no-deps -r requirements-dev\.txt$"):
        requirements.check_emulator()


def test_an_environment_without_cbor_is_told(
    cli: Callable[..., None], without: Callable[[str], None]
) -> None:
    cli([plugin(version("pulumi-aws"))])
    without("cbor2")
    (problem,) = problems()
    assert "the package cbor2, for the AWS plugin's alarms, is not installed in" in problem


def test_a_plugin_of_another_version_is_told(cli: Callable[..., None]) -> None:
    cli([plugin("1.0.0")])
    wanted = version("pulumi-aws")
    (problem,) = problems()
    assert problem.endswith(f"run: pulumi plugin install resource aws {wanted}")


@pytest.mark.usefixtures("cli")
def test_a_missing_cli_is_told_with_everything_else(without: Callable[[str], None]) -> None:
    without("pip")
    first, second = problems()
    assert "pip, which the Pulumi CLI calls" in first
    assert second.endswith("not on the PATH; install it: https://www.pulumi.com/docs/install/")


def test_a_cli_that_fails_is_told(cli: Callable[..., None]) -> None:
    cli([], exit_code=1)
    assert problems() == ["  pulumi plugin ls: "]
