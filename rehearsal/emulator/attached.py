"""The emulator as seen by a process that did not start it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.emulator.clients import Clients
from rehearsal.emulator.process import Emulator

if TYPE_CHECKING:
    from pathlib import Path


class AttachedEmulator(Emulator):
    """The embedded AWS that another process started, and ends."""

    def __init__(self, folder: Path, endpoint: str, secret: str) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self._secret = secret
        self._clients = Clients(endpoint)
        self._readings = {}

    def stop(self) -> None:
        """Leave it running."""
