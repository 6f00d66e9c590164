"""What the handler does with events before it processes them as messages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from function.failures.reasons import PermanentFailure
from function.message import envelopes, parsing
from function.message.idempotency import KEY_ATTRIBUTE

if TYPE_CHECKING:
    from function.observability import Log
    from function.settings import Settings
    from function.sqs.record import Record


def prepared(records: list[Record], settings: Settings, log: Log) -> list[Record]:
    """Return the records to process.

    A record whose body is an event with a template gets the event's id as its key, as if its sender
    had set it: from then on it is a message with a key. S3's test events are dropped where events
    of S3 are expected, because they ask for nothing.

    Args:
        records: The batch.
        settings: The templates.
        log: The function's logger.
    """
    if not settings.templates:
        return records
    found = []
    for record in records:
        content = _content(record.body, settings)
        if envelopes.is_test(content, settings.templates):
            log.info("S3 test event dropped", message_id=record.message_id)
        else:
            found.append(_keyed(record, content, settings))
    return found


def key_in(body: str, settings: Settings) -> str | None:
    """Return the key that an event has, None if the body is no event with a template and an id.

    Args:
        body: The body of a message.
        settings: The templates.
    """
    return _event_key(_content(body, settings), settings) if settings.templates else None


def _content(body: str, settings: Settings) -> object:
    try:
        return parsing.load(body, python_literals=settings.python_literals)
    except (PermanentFailure, RecursionError):
        return None  # it is rejected when it is processed


def _keyed(record: Record, content: object, settings: Settings) -> Record:
    if KEY_ATTRIBUTE in record.attributes:
        return record
    key = _event_key(content, settings)
    if key is None:
        return record
    attribute = {"DataType": "String", "StringValue": key}
    return replace(record, attributes={**record.attributes, KEY_ATTRIBUTE: attribute})


def _event_key(content: object, settings: Settings) -> str | None:
    event = parsing.event_in(content, settings.templates)
    return None if event is None else event.key
