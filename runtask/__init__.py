"""The operator's command `runtask`; `runtask.send` is for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtask.api import send

__all__ = ["send"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any attribute of the package
    """Return `send`, imported when it is first used: it needs boto3, which the command may not."""
    if name == "send":
        from runtask.api import send  # noqa: PLC0415

        return send
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
