"""Git checkouts of the artifact's sources, for tests of where an artifact comes from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

# Of another zone than UTC, so that a time that is not converted shows.
_TIME: Final = "2026-11-20T12:00:00+01:00"


def git(folder: Path, *arguments: str) -> str:
    """Run git with an identity and a time, and without the configuration of this machine."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_DATE": _TIME,
        "GIT_COMMITTER_DATE": _TIME,
    }
    identity = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],  # noqa: S607
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    """Commit all that is in a checkout, and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def change(folder: Path, path: str = "function/handler.py", text: str = "# changed\n") -> None:
    """Add a line to a file of a checkout."""
    with (folder / path).open("a", encoding="utf-8") as file:
        file.write(text)


def make_checkout(repository: Path, folder: str = "") -> Path:
    """Make a git checkout with the artifact's sources, committed on the branch main.

    Args:
        repository: Where to make it.
        folder: The folder of the sources in it; empty for its root.

    Returns:
        The folder of the sources.
    """
    sources = repository / folder
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "function", sources / "function", ignore=ignored)
    (sources / "infra").mkdir()
    shutil.copy(ROOT / "infra" / "bundle.py", sources / "infra")
    git(repository, "init", "--quiet", "--initial-branch=main")
    commit(repository, "sources")
    return sources
