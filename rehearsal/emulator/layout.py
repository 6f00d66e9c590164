"""Where things are in the emulator's private folder; parent and child agree on it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def groups_folder(folder: Path) -> Path:
    """Return the folder that lists the process groups of containers."""
    return folder / "groups"


def tasks_folder(folder: Path) -> Path:
    """Return the folder in which each task has a folder of its own."""
    return folder / "tasks"


def calls_file(folder: Path) -> Path:
    """Return the file of the journal of calls."""
    return folder / "calls.jsonl"


def log_file(folder: Path) -> Path:
    """Return the emulator's log, unless the caller wants it elsewhere."""
    return folder / "emulator.log"
