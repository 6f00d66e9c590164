"""The version of the kit, installed or in a checkout."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

_DISTRIBUTION: Final = "ecs-run-task"
_CHECKOUT: Final = Path(__file__).resolve().parents[1]


def version() -> str:
    """Return the version: that of the checkout that this file is in, or the installed one."""
    try:
        text = Path(_CHECKOUT, "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        if project["name"] == _DISTRIBUTION:
            return str(project["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        pass  # no checkout of the project
    try:
        return installed_version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown; install it from a checkout: pip install -e ."
