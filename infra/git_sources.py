"""The artifact's sources in git: which they are, and how git is asked about them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# The sources that determine the artifact's bytes; `function` has the pinned dependencies too.
SOURCES: Final = ("function", "infra/bundle.py")


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run git in a folder and return how it ended; None where git is not installed.

    Args:
        folder: The folder, in a checkout or not.
        arguments: Of git. An argument that comes from outside must not begin with a hyphen.
    """
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
