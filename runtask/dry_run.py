"""The RunTask requests that messages would become, without asking AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from function.failures.reasons import Failure
from function.message import builder
from function.message.lookups import Lookups, Service
from function.message.redaction import MASK
from runtask.errors import UsageError
from runtask.sending import handler_stage, read_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.config import FunctionConfig
    from runtask.messages import Message

# What the values of an override's environment and command are shown as.
_MASKED_MEMBERS: Final = ("environment", "command")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request that one message would become.

    Attributes:
        message: Where the message was read.
        key: Its idempotency key.
        request: The arguments of its first RunTask call. What the handler will look up in ECS
            reads `<from ...>`.
    """

    message: str
    key: str
    request: dict[str, Any]

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield path and value of every parameter."""
        yield from leaves(self.request)


def requests(
    messages: Sequence[Message], config: FunctionConfig, *, show_values: bool
) -> list[Request]:
    """Return what each message would become.

    Args:
        messages: What would be sent.
        config: The stage's configuration.
        show_values: Whether the values of an override's environment and command are shown.

    Raises:
        UsageError: naming each message that the handler would reject, and why.
    """
    stage = handler_stage(config)
    lookups = cast("Lookups", _Unanswered())
    found: list[Request] = []
    for message, request in zip(messages, read_requests(messages, config), strict=True):
        try:
            completed = builder.complete(request, lookups)
        except Failure as failure:
            raise UsageError(f"{message.source}: {failure.error}") from None
        call = builder.call(completed, message.key, stage)
        found.append(
            Request(
                message=message.source,
                key=message.key,
                request=call if show_values else _masked(call),
            )
        )
    return found


class _Unanswered:
    """Look-ups that name whom the handler will ask."""

    def service(self, _cluster: str, service: str, _deadline: float) -> Service:
        origin = f"<from service {service}>"
        return Service(
            network={"subnets": [origin], "securityGroups": [origin], "assignPublicIp": origin},
            supply={"launchType": f"<from service {service}, or its capacity providers>"},
        )

    def container(self, task_definition: str, _deadline: float) -> str:
        return f"<from task definition {task_definition}>"


def _masked(call: Mapping[str, Any]) -> dict[str, Any]:
    overrides = call.get("overrides", {})
    if "containerOverrides" not in overrides:
        return dict(call)
    containers = [
        {
            name: [_masked_item(item) for item in value] if name in _MASKED_MEMBERS else value
            for name, value in container.items()
        }
        for container in overrides["containerOverrides"]
    ]
    return {**call, "overrides": {**overrides, "containerOverrides": containers}}


def _masked_item(item: object) -> object:
    """Return an argument of a command, or a variable, without its value."""
    return {**item, "value": MASK} if isinstance(item, Mapping) else MASK


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and value, as text, of everything that has a value of its own."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
