"""Pulumi.yaml and how the engine starts the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]


def test_every_declared_key_has_type_default_and_description() -> None:
    declared = YAML(typ="safe").load(ROOT / "Pulumi.yaml")["config"]
    for name, declaration in declared.items():
        assert declaration.keys() >= {"type", "default", "description"}, name
        if declaration["type"] == "array":
            assert declaration["items"] == {"type": "string"}, name


def test_the_programs_requirements_are_the_kits() -> None:
    # `pulumi install` reads the requirements of the program's folder.
    lines = (ROOT / "infra" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r ../requirements.txt"]


def test_no_module_of_the_program_hides_another() -> None:
    """The engine puts the folder first on sys.path while it starts the program."""
    names = {path.stem for path in (ROOT / "infra").glob("*")} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names
    assert not names & {"function", "infra", "runtask", "pulumi", "pulumi_aws"}


def test_the_engine_can_start_the_program_from_its_folder(tmp_path: Path) -> None:
    """As the engine does it: the folder is run by path, and is first on sys.path."""
    script = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'infra')!r})\n"
        f"try:\n    runpy.run_path({str(ROOT / 'infra')!r}, run_name='__main__')\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    # Without an engine there is no configuration; the program was started and tried to read it.
    assert "ConfigError Pulumi.stack.yaml is invalid" in done.stdout, done.stderr
