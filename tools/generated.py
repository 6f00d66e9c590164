"""Finds the generators of this package and collects what they render.

A generator is a module with `PATH` and `render()`. `PATH` is relative to the project's root: of a
file, where `render()` returns its text; or of a folder, where it returns texts by file name.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import tools
from infra.bundle import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def generated_files() -> dict[Path, str]:
    """Return the text of every generated file by its absolute path."""
    files: dict[Path, str] = {}
    for found in pkgutil.iter_modules(tools.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"{tools.__name__}.{found.name}")
        if hasattr(module, "PATH") and hasattr(module, "render"):
            path = ROOT / module.PATH
            rendered = module.render()
            if isinstance(rendered, str):
                files[path] = rendered
            else:
                files.update({path / name: text for name, text in rendered.items()})
    return files
