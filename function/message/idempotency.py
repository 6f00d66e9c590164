"""The idempotency key of a message: what makes a redelivery harmless.

The key is part of the client token, for which RunTask starts its tasks once, and of `startedBy`,
which leads from a task back to its message.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from function.sqs.record import Record

# The message attribute with which a sender sets the idempotency key.
KEY_ATTRIBUTE: Final = "key"

# The message attributes of a dead letter, which a redriven message still has: the id of the message
# that was sent first, and how many of its tasks were started.
ORIGIN_ATTRIBUTE: Final = "messageId"
TASKS_ATTRIBUTE: Final = "tasks"

# The number of tasks where it is not known.
UNKNOWN_TASKS: Final = "unknown"

STARTED_BY_PREFIX: Final = "ecs-run-task"

# Hexadecimal digits of a stage's hash in a client token.
_DIGEST_LENGTH: Final = 8

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


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where a key is valid: within one stage of one account and region.

    Attributes:
        name: The stage's name.
        account: The account's 12 digits.
        region: The AWS region.
    """

    name: str
    account: str
    region: str

    @cached_property
    def digest(self) -> str:
        """What keeps the client tokens of stages apart that use one cluster."""
        identity = f"{self.account}/{self.region}/{self.name}"
        return hashlib.sha256(identity.encode()).hexdigest()[:_DIGEST_LENGTH]


def origin_of(record: Record) -> str:
    """Return the id of the message that was sent first: a redriven message has another one."""
    return _text(record, ORIGIN_ATTRIBUTE) or record.message_id


def keyless(record: Record) -> bool:
    """Return whether the sender set no key: a message that was redriven has its first id as key."""
    key = _text(record, KEY_ATTRIBUTE)
    return KEY_ATTRIBUTE not in record.attributes or key == _text(record, ORIGIN_ATTRIBUTE)


def launches_known(record: Record) -> bool:
    """Return whether no delivery before this one can have launched tasks that nothing recorded.

    The ledger has every launch that it has to know of, except those by the first delivery of a
    message without a key.
    """
    if KEY_ATTRIBUTE not in record.attributes:
        return record.receives <= 1
    return not keyless(record) or (_text(record, TASKS_ATTRIBUTE) or UNKNOWN_TASKS).isdigit()


def client_token(key: str, stage: Stage, attempt: int) -> str:
    """Return the idempotency token of one RunTask call.

    Args:
        key: The message's idempotency key.
        stage: Where the key is valid.
        attempt: The number of the attempt, from 0; it increases when an answer left tasks missing.
    """
    return f"{key}-{stage.digest}-{attempt}"


def started_by(stage: str, key: str) -> str:
    """Return the `startedBy` of a message's tasks."""
    return f"{STARTED_BY_PREFIX}/{stage}/{key}"


def _text(record: Record, name: str) -> str | None:
    text = record.attributes.get(name, {}).get("StringValue")
    return None if text is None else str(text)


def _validated(key: str, where: str) -> str:
    if not valid_key(key):
        raise PermanentFailure(
            "bad-key",
            f"{where}: expected 1 to {MAX_KEY_LENGTH} letters, digits, - and _,"
            f" got {len(key)} characters",
        )
    return key
