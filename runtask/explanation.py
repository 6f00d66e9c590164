"""What a stage lets messages choose, and what messages ask for; nothing of it asks AWS."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import Failure
from function.message import applied_limits, builder, choices, parsing, task_limits
from function.message.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from function.message.envelopes import Event
    from function.settings import Settings
    from runtask.messages import Message

# Values that can be secrets.
_SECRET: Final = re.compile(r"\.(command\[\d+\]|environment\[\d+\]\.value)$")
_MASK: Final = "***"

# Text that a terminal shows as it is.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/*?@+=,-]+")


@dataclass(frozen=True, kw_only=True)
class ExplainedParameter:
    """A parameter of RunTask.

    Attributes:
        parameter: Its path.
        set_by: Who decides about it.
        options: The options of a stage that allow it.
        enforced_by: What refuses a message that asks for more.
        allowed: What the stage allows; None without a stage.
    """

    parameter: str
    set_by: str
    options: tuple[str, ...]
    enforced_by: str
    allowed: str | None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why the handler would reject a message.

    Attributes:
        reason: As in docs/failures.md.
        error: What was found, where, and what would allow it.
    """

    reason: str
    error: str


@dataclass(frozen=True, kw_only=True)
class ExplainedMessage:
    """What a message asks for.

    Attributes:
        source: Where it was read.
        asks: The values by their paths in the RunTask form, without those that can be secrets.
        refusals: Why it would be rejected; empty if it would not, as far as can be told offline.
        event: The kind of event of which the stage's template makes the request; None for a
            message that is none.
        key: The idempotency key that the event has, None if it has none.
    """

    source: str
    asks: dict[str, Any]
    refusals: tuple[Refusal, ...]
    event: str | None = None
    key: str | None = None


def explain_parameters(settings: Settings | None) -> list[ExplainedParameter]:
    """Return every parameter of RunTask, with what a stage allows."""
    allowed = {} if settings is None else choices.allowed_texts(settings)
    return [
        ExplainedParameter(
            parameter=parameter.path,
            set_by=parameter.set_by.value,
            options=parameter.options,
            enforced_by=parameter.enforced_by,
            allowed=allowed.get(parameter.path),
        )
        for parameter in PARAMETERS
    ]


def explain_messages(messages: Sequence[Message], settings: Settings) -> list[ExplainedMessage]:
    """Return what messages ask for, and why the handler would reject them."""
    return [_explained(message, settings) for message in messages]


def shown(value: object) -> str:
    """Return a value as a terminal shows it, without control characters."""
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else json.dumps(value)


def _explained(message: Message, settings: Settings) -> ExplainedMessage:
    event = _event(message, settings)
    if event is None:
        return _explained_request(message, settings)
    return replace(_explained_request(message, settings), event=event.source, key=event.key)


def _event(message: Message, settings: Settings) -> Event | None:
    try:
        value = parsing.load(message.body, python_literals=settings.python_literals)
        return parsing.event_in(value, settings.templates)
    except (Failure, RecursionError):
        return None


def _explained_request(message: Message, settings: Settings) -> ExplainedMessage:
    try:
        request = builder.read_unchecked(message.body, settings)
    except Failure as failure:
        refusal = Refusal(reason=failure.reason, error=failure.error)
        return ExplainedMessage(source=message.source, asks={}, refusals=(refusal,))
    asked = {**request.parameters, "count": request.count}
    if request.service is not None:
        asked["service"] = request.service
    if request.payload is not None:
        asked[parsing.PAYLOAD] = f"{_MASK} ({len(request.payload.content):,} bytes)"
    limits = applied_limits.effective(request, settings)
    if limits != task_limits.NO_LIMITS:
        asked[task_limits.LIMITS] = applied_limits.block_of(request, limits)
    elif request.limits is not None:
        asked[task_limits.LIMITS] = request.limits.as_block()
    return ExplainedMessage(
        source=message.source,
        asks={
            place: _MASK if _SECRET.search(place) else value for place, value in _values(asked, "")
        },
        refusals=tuple(
            Refusal(reason=problem.reason, error=problem.text)
            for problem in choices.problems(request, settings)
        ),
    )


def _values(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield path and value of everything that has a value of its own."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _values(item, f"{place}.{name}".removeprefix("."))
    elif isinstance(value, list) and value:
        for position, item in enumerate(value):
            yield from _values(item, f"{place}[{position}]")
    else:
        yield place, value
