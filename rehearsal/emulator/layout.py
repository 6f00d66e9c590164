"""Where things are in the emulator's private folder; parent and child agree on it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def groups_folder(folder: Path) -> Path:
    """Return where the process groups of containers are listed."""
    return folder / "groups"


def tasks_folder(folder: Path) -> Path:
    """Return where each task has a folder of its own."""
    return folder / "tasks"


def log_file(folder: Path) -> Path:
    """Return where the emulator writes its log, unless the caller wants it elsewhere."""
    return folder / "emulator.log"
