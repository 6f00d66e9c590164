"""Files that nobody but their owner may read, from the moment they exist.

Standard library only: parent and child both import it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def private(path: str, flags: int) -> int:
    """Open a file that is private if it is new; the `opener` of `open`."""
    return os.open(path, flags, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write a new file.

    Raises:
        FileExistsError: if it exists.
    """
    with open(path, "x", encoding="utf-8", opener=private) as file:
        file.write(text)
