"""What of a message may be quoted: nothing that may be a secret, and nobody's free text in public.

`secrets_of` is for log lines and the dead-letter queue, `free_texts_of` for what is published.
"""

from __future__ import annotations

import contextlib
import re
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from botocore.model import ListShape, MapShape, StringShape, StructureShape

from function.failures.reasons import PermanentFailure
from function.message import parsing, templates
from function.message.forms import FLAT_NAMES
from function.message.idempotency import KEY_ATTRIBUTE, valid_key
from function.message.redaction import PIECE_LENGTH, pieces_of
from function.message.validation import session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

    from function.settings import Settings
    from function.sqs.record import Record

# Parameters, of both forms of a message, that hold secrets; and what inside them is not secret.
_PUBLIC_NAMES: Final = {
    "environment": frozenset({"name"}),
    "command": frozenset({"name"}),
    parsing.PAYLOAD: frozenset[str](),
}

# A text of a payload that is shorter is part of half of all texts, and AWS only stores it.
_MIN_PAYLOAD_TEXT_LENGTH: Final = 4

# Parameters that a notification may quote, and what their values look like. An operator needs
# them, and none of their characters makes a link.
_NAME: Final = re.compile(
    r"(arn:[a-z-]{1,32}:ecs:[a-z0-9-]{1,32}:[0-9]{12}:)?[A-Za-z0-9_:/-]{1,600}"
)
_RESOURCE_ID: Final = re.compile(r"[a-z]{1,12}-[0-9a-f]{1,17}")
_QUOTABLE: Final = {
    "cluster": _NAME,
    "taskDefinition": _NAME,
    "task_def": _NAME,
    "service": _NAME,
    "subnets": _RESOURCE_ID,
    "securityGroups": _RESOURCE_ID,
    "security_groups": _RESOURCE_ID,
}

# Services of which AWS quotes ARNs in errors about the stage.
_SERVICES: Final = ("ecs", "iam", "sts")


def secrets_of(body: str, settings: Settings) -> set[str]:
    """Return every value in a body that may be a secret.

    Args:
        body: The body of a message.
        settings: The templates, which make a request of an event.
    """
    try:
        contents = _contents(body, settings)
    except (PermanentFailure, RecursionError):
        return set()  # such a body never reaches AWS, so no error can quote it
    return {
        text
        for content in contents
        for text, _, secret in _texts(content)
        if secret and text.strip()
    }


def free_texts_of(record: Record, settings: Settings) -> tuple[set[str], frozenset[str]]:
    """Return everything in a message that its sender chose freely.

    Args:
        record: The delivery of the message.
        settings: The templates, which make a request of an event.

    Returns:
        The texts, without those that are too short to matter; and the pieces of those parameters
        that may be quoted, because they have the form of a name.
    """
    free: set[str] = set()
    quotable: set[str] = set()
    for name, attribute in record.attributes.items():
        values = {str(value) for value in attribute.values()}
        if name == KEY_ATTRIBUTE and all(map(valid_key, values)):
            quotable |= values
        else:
            free |= {name, *values}
    try:
        contents = _contents(record.body, settings)
    except (PermanentFailure, RecursionError):
        free.add(record.body)
    else:
        for text, name, secret in chain.from_iterable(
            _texts(content, names=True) for content in contents
        ):
            form = None if secret else _QUOTABLE.get(name)
            known = quotable if form is not None and form.fullmatch(text) else free
            known.add(text)
    long = {text for text in free if len(text) >= PIECE_LENGTH}
    return long - _known_words(), pieces_of(quotable)


@lru_cache(maxsize=1)
def public_pieces(settings: Settings) -> frozenset[str]:
    """Return the pieces of what is no secret: the names in the stage's configuration."""
    arn, account = f"arn:{settings.partition}", settings.account
    return pieces_of(
        (
            *settings.clusters,
            *settings.task_definitions,
            *(f"{arn}:{service}:{settings.region}:{account}:" for service in _SERVICES),
            *(f"{arn}:{service}::{account}:" for service in _SERVICES),
        )
    )


def _contents(body: str, settings: Settings) -> list[object]:
    """Return the value of a body, and for an event the request that a template makes of it.

    Raises:
        PermanentFailure: `not-json`.
        RecursionError: if it is nested too deeply.
    """
    value = parsing.load(body, python_literals=True)
    event = parsing.event_in(value, settings.templates)
    if event is None:
        return [value]
    contents: list[object] = [value, event.content]
    with contextlib.suppress(PermanentFailure):
        contents.append(
            templates.request_of(event.source, event.content, settings.templates, settings.stage)
        )
    return contents


def _texts(content: object, *, names: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Yield each text in a body, the name of its parameter, and whether it may be a secret.

    Args:
        content: The body's value.
        names: Whether the parameters' names are texts as well; in a payload they always are.
    """
    # An explicit stack: a body may be nested more deeply than Python can recurse.
    stack = [(content, "", "")]
    while stack:
        value, name, inside = stack.pop()
        stored = inside == parsing.PAYLOAD
        if isinstance(value, dict):
            for key, item in value.items():
                stack.append((item, str(key), _inside(str(key).lower(), inside)))
                if names or stored:
                    yield str(key), "", stored and len(str(key)) >= PIECE_LENGTH
        elif isinstance(value, list | tuple | set):
            stack.extend((item, name, inside) for item in value)
        elif value is not None and not isinstance(value, bool):
            text = value if isinstance(value, str) else repr(value)
            short = stored and len(text) < _MIN_PAYLOAD_TEXT_LENGTH
            yield text, name, bool(inside) and not short


def _inside(name: str, outer: str) -> str:
    """Return in which parameter that holds secrets a member is, empty if it is in none.

    Args:
        name: The member's name, in lower case.
        outer: The same for what the member is in.
    """
    if outer:
        return "" if name in _PUBLIC_NAMES[outer] else outer
    return name if name in _PUBLIC_NAMES else ""


@cache
def _known_words() -> frozenset[str]:
    """Return the names and enumerated values of RunTask's parameters: they are no free text."""
    words = {parsing.WRAPPER, parsing.PAYLOAD, *FLAT_NAMES}
    operation = session().get_service_model("ecs").operation_model("RunTask")
    words.update(_words_of(operation.input_shape))
    return frozenset(words)


def _words_of(shape: Shape | None) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        members: Mapping[str, Any] = shape.members
        yield from members
        for member in members.values():
            yield from _words_of(member)
    elif isinstance(shape, ListShape):
        yield from _words_of(shape.member)
    elif isinstance(shape, MapShape):
        yield from _words_of(shape.value)
    elif isinstance(shape, StringShape):
        yield from shape.enum
