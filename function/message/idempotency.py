"""A message's key: what makes a second delivery of it harmless.

The key is part of the client token, with which RunTask starts a task once, and of `startedBy`,
which leads from a task back to its message.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from function.sqs.record import Record

KEY_ATTRIBUTE: Final = "key"
"""The message attribute with which a sender sets the key."""

STARTED_BY_PREFIX: Final = "ecs-run-task"

_KEY: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_KEY_LENGTH}}}")


def valid_key(key: str) -> bool:
    """Return whether a text may be a key: up to 48 letters, digits, `-` and `_`."""
    return _KEY.fullmatch(key) is not None


def checked_key(key: str, where: str = KEY_ATTRIBUTE) -> str:
    """Return a key that is valid.

    Raises:
        PermanentFailure: `bad-key`.
    """
    if not valid_key(key):
        raise PermanentFailure(
            "bad-key",
            f"{where}: expected 1 to {MAX_KEY_LENGTH} letters, digits, - and _,"
            f" got {len(key)} characters",
        )
    return key


def key_of(record: Record) -> str:
    """Return a record's key: its attribute `key`, else its message id.

    Raises:
        PermanentFailure: `bad-key`.
    """
    where = f"message attribute {KEY_ATTRIBUTE}"
    attribute = record.attributes.get(KEY_ATTRIBUTE)
    if attribute is None:
        return checked_key(record.message_id, "message id")
    if "StringValue" not in attribute:
        raise PermanentFailure(
            "bad-key", f"{where}: expected a String, got {attribute['DataType']}"
        )
    return checked_key(str(attribute["StringValue"]), where)


def client_token(key: str, number: int, attempt: int) -> str:
    """Return the idempotency token of one single launch.

    Args:
        key: the message's key.
        number: of the launch within the message, from 0.
        attempt: 0, and one more for each time a task that never started is launched again.
    """
    return f"{key}-{number}-{attempt}"


def started_by(stage: str, key: str) -> str:
    """Return the `startedBy` of a message's tasks."""
    return f"{STARTED_BY_PREFIX}/{stage}/{key}"
