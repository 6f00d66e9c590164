"""Options of the command line that are times."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import click

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)")


class SinceType(click.ParamType[float]):
    """A moment: a duration before now, or a date; becomes seconds since 1970."""

    name = "since"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click defines it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the moment."""
        if isinstance(value, float):
            return value
        from function.message.task_limits import seconds_of  # noqa: PLC0415 - takes long

        try:
            return time.time() - seconds_of(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"found {value!r}; expected a duration such as 90s, 30m, 2h or 7d, or a time such "
                "as 2026-11-24 or 2026-11-24T06:30:00Z (without a zone, it is UTC)",
                param,
                ctx,
            )
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class DurationType(click.ParamType[float]):
    """A duration of any length; becomes seconds."""

    name = "duration"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click defines it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(value)
        seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
        if not seconds:
            self.fail(
                f"found {value!r}; expected a duration above 0, such as 90s, 30m, 2h or 7d "
                "(without a unit, it is seconds)",
                param,
                ctx,
            )
        return seconds


SINCE: Final = SinceType()
DURATION: Final = DurationType()
