"""The payload of a message: input that is larger than an override may be.

It is stored as an object, and its containers get the URI and the hash in two variables. Name and
content of the object depend only on the message, so that a redelivery makes the same call and the
same object.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH
from function.message.forms import path
from function.message.parsing import PAYLOAD, WRAPPER

if TYPE_CHECKING:
    from collections.abc import Mapping

# The variables that a container gets.
URI_VARIABLE: Final = "ECS_RUN_TASK_PAYLOAD_URI"
SHA256_VARIABLE: Final = "ECS_RUN_TASK_PAYLOAD_SHA256"

# The start of every object's name; the function may write nothing else.
PREFIX: Final = "payloads"

# Hexadecimal digits of the hash in an object's name.
_NAME_LENGTH: Final = 32

# A key as long as a key can be, for what is checked before the message's own key is known.
LONGEST_KEY: Final = "0" * MAX_KEY_LENGTH


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What is stored for a message.

    Attributes:
        content: The bytes of the object; not part of a representation, as they may be secret.
        content_type: Its media type.
        bucket: The stage's bucket; None if the stage has none.
    """

    content: bytes = field(repr=False)
    content_type: str
    bucket: str | None

    @cached_property
    def sha256(self) -> str:
        """The hash of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def object_key(self, key: str) -> str:
        """Return the key of the object.

        Args:
            key: The message's idempotency key.
        """
        digest = hashlib.sha256(key.encode() + b"\0" + self.content).hexdigest()
        return f"{PREFIX}/{key}/{digest[:_NAME_LENGTH]}"

    def variables(self, key: str) -> dict[str, str]:
        """Return the variables that a container gets.

        Args:
            key: The message's idempotency key.
        """
        return {
            URI_VARIABLE: f"s3://{self.bucket}/{self.object_key(key)}",
            SHA256_VARIABLE: self.sha256,
        }


def payload_of(value: object, bucket: str | None) -> Payload:
    """Return the payload for a value: text as it is, everything else as canonical JSON.

    Args:
        value: The parameter of the message.
        bucket: The stage's bucket; None if the stage has none.

    Raises:
        PermanentFailure: `bad-value`, if it cannot be stored.
    """
    try:
        if isinstance(value, str):
            return Payload(
                content=value.encode(), content_type="text/plain; charset=utf-8", bucket=bucket
            )
        text = json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )
        return Payload(content=text.encode(), content_type="application/json", bucket=bucket)
    except (TypeError, ValueError):  # Python's literals and NaN; half of a surrogate pair
        raise PermanentFailure(
            "bad-value",
            f"{WRAPPER}.{PAYLOAD}: expected text or a value of JSON; it has a number or a character"
            " that neither UTF-8 nor JSON can express",
        ) from None


def with_variables(parameters: Mapping[str, Any], payload: Payload, key: str) -> dict[str, Any]:
    """Return parameters of which every container override has the payload's variables.

    Args:
        parameters: In the RunTask form.
        payload: The message's payload.
        key: The message's idempotency key.
    """
    overrides = parameters.get("overrides", {})
    sent: list[dict[str, Any]] = overrides.get("containerOverrides") or [{}]
    variables = [{"name": name, "value": value} for name, value in payload.variables(key).items()]
    containers = [
        {**container, "environment": [*container.get("environment", ()), *variables]}
        for container in sent
    ]
    return {**parameters, "overrides": {**overrides, "containerOverrides": containers}}


def check_variables(parameters: Mapping[str, Any], *, flat: bool) -> None:
    """Check that a message with a payload sets none of its variables itself.

    Args:
        parameters: In the RunTask form, validated.
        flat: Whether the sender used the flat form.

    Raises:
        PermanentFailure: `bad-value`.
    """
    containers = parameters.get("overrides", {}).get("containerOverrides", ())
    for number, container in enumerate(containers):
        for position, variable in enumerate(container.get("environment", ())):
            if variable.get("name") in {URI_VARIABLE, SHA256_VARIABLE}:
                place = f"overrides.containerOverrides[{number}].environment[{position}].name"
                raise PermanentFailure(
                    "bad-value",
                    f"{path(place, flat=flat)}: {variable['name']} is set by the kit for a message"
                    f" with {WRAPPER}.{PAYLOAD}; use another name",
                )
