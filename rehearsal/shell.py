"""The file with which a shell talks to the embedded AWS.

The root users' secret is in no output and no list of processes: a message to the embedded AWS runs
a command as the one who rehearses.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from rehearsal.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What a shell may have set, and clients would use instead or besides.
_UNSET: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def write_exports(folder: Path, stage: str, variables: Mapping[str, str]) -> Path:
    """Write a stage's variables as a shell script, and return its path.

    Args:
        folder: The emulator's private folder.
        stage: The stage's name.
        variables: The variables, by name.

    Raises:
        FileExistsError: if the file exists.
    """
    path = folder / f"{stage}.sh"
    lines = [f"unset {' '.join(_UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    write_private(path, "\n".join(lines) + "\n")
    return path
