"""Settings that the parent writes into the emulator's folder, for the child to read.

Standard library only: parent and child both import it.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

from rehearsal.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path


def write_settings(file: Path, content: object) -> None:
    """Replace a file of settings, atomically."""
    new = file.with_suffix(f".{uuid.uuid4().hex}")
    write_private(new, json.dumps(content))
    new.replace(file)


class SettingsFile:
    """A file of settings, which is read again only after it was replaced.

    Args:
        file: The file; it need not exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._content: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Return the settings; nothing as long as none were written."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return {}
        # Each change is a new file: the inode differs even if two changes share a timestamp.
        version = (status.st_ino, status.st_mtime_ns)
        with self._lock:
            if version != self._version:
                self._content = json.loads(self._file.read_text(encoding="utf-8"))
                self._version = version
            return self._content
