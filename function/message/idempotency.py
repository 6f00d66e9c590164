"""The idempotency key of a message: what makes a redelivery harmless.

The key is part of the client token, for which RunTask starts a task once, and of `startedBy`, which
leads from a task back to its message.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from function.sqs.record import Record

# The message attribute with which a sender sets the idempotency key.
KEY_ATTRIBUTE: Final = "key"

STARTED_BY_PREFIX: Final = "ecs-run-task"

_KEY: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_KEY_LENGTH}}}")


def valid_key(key: str) -> bool:
    """Return whether a text can be a key: 1 to 48 letters, digits, `-` and `_`."""
    return _KEY.fullmatch(key) is not None


def key_of(record: Record) -> str:
    """Return a record's key: its message attribute `key`, otherwise its message id.

    Raises:
        PermanentFailure: `bad-key`, if it is not a valid key.
    """
    attribute = record.attributes.get(KEY_ATTRIBUTE)
    if attribute is None:
        return _validated(record.message_id, "message id")
    where = f"message attribute {KEY_ATTRIBUTE}"
    if "StringValue" not in attribute:
        raise PermanentFailure(
            "bad-key", f"{where}: expected a String, got {attribute['DataType']}"
        )
    return _validated(str(attribute["StringValue"]), where)


def client_token(key: str, number: int) -> str:
    """Return the idempotency token of one RunTask call.

    Args:
        key: The message's idempotency key.
        number: The call's number within the message, from 0.
    """
    # The last part is reserved for the attempt, should a task ever be launched again.
    return f"{key}-{number}-0"


def started_by(stage: str, key: str) -> str:
    """Return the `startedBy` of a message's tasks."""
    return f"{STARTED_BY_PREFIX}/{stage}/{key}"


def _validated(key: str, where: str) -> str:
    if not valid_key(key):
        raise PermanentFailure(
            "bad-key",
            f"{where}: expected 1 to {MAX_KEY_LENGTH} letters, digits, - and _,"
            f" got {len(key)} characters",
        )
    return key
