"""Serves MiniStack's application on a socket that somebody else has bound."""

from __future__ import annotations

import asyncio
from typing import Final

from hypercorn.asyncio import serve as serve_application
from hypercorn.config import Config

from rehearsal.emulator import ministack_internals

# MiniStack's own. AWS clients keep connections for a while.
KEEP_ALIVE_SECONDS: Final = 75


def serve(listener: int) -> None:
    """Serve until the process ends.

    Args:
        listener: The file descriptor of the socket, bound to 127.0.0.1.
    """
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    asyncio.run(serve_application(ministack_internals.app.app, config))
