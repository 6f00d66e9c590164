"""From a message's body to the RunTask calls that it asks for.

`read` needs no AWS, `complete` asks ECS for what the message leaves out, `calls` writes down the
calls. All three are pure functions of the message (and of what ECS answers): a redelivery asks
for the same, or its client token would meet a conflict.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import failure_of_error
from function.failures.reasons import PermanentFailure
from function.limits import MAX_TASKS
from function.message import allowlist, forms, parsing
from function.message.idempotency import client_token, started_by
from function.message.request import Request
from function.message.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.message.lookups import Lookups
    from function.settings import Settings

_STARTED_BY: Final = "startedBy"
_CLIENT_TOKEN: Final = "clientToken"  # noqa: S105 - the name of a parameter


def read(body: str, settings: Settings) -> Request:
    """Return what a message asks for, checked as far as it can be without AWS.

    Args:
        body: the message's text: JSON, or the text of a Python dict, in either form.
        settings: hold the allow-list.

    Raises:
        PermanentFailure: the message can never succeed as it is.
    """
    content = parsing.parse(body)
    flat = forms.is_flat(content)
    parameters = forms.to_run_task_form(content) if flat else content
    service = parameters.pop("service", None)
    if service is not None and (not isinstance(service, str) or not service):
        found = parsing.describe(service) if service else "an empty text"
        raise PermanentFailure("wrong-type", f"ECS.service: expected a string, got {found}")
    if _CLIENT_TOKEN in parameters:
        raise PermanentFailure(
            "bad-value",
            f"ECS.{_CLIENT_TOKEN}: is made of the message's key;"
            " set the message attribute `key` instead",
        )
    parameters.pop(_STARTED_BY, None)  # ours leads back to the message; the ancestor's did, too
    count = parameters.get("count", 1)
    validate(_with_promised_network(parameters, service), flat=flat)
    if isinstance(count, bool) or not 1 <= count <= MAX_TASKS:
        raise PermanentFailure(
            "over-limit",
            f"ECS.count: expected a whole number from 1 to {MAX_TASKS},"
            f" got {parsing.describe(count)}",
        )
    parameters.pop("count", None)
    request = Request(parameters=parameters, count=count, service=service, flat=flat)
    allowlist.check(request, settings)
    return request


def complete(request: Request, lookups: Lookups, deadline: float = math.inf) -> Request:
    """Return a request with the network and the container that the message left out.

    Args:
        request: from `read`.
        lookups: over an ECS client.
        deadline: after it ECS is not asked any more, on the look-ups' monotonic clock.

    Raises:
        Failure: ECS knows no such thing, or did not answer; or what it answered is over a limit.
    """
    parameters = dict(request.parameters)
    try:
        if request.service is not None:
            _complete_network(parameters, request, lookups, deadline)
        _complete_containers(parameters, request, lookups, deadline)
    except (ClientError, BotoCoreError) as error:
        raise failure_of_error(error) from None
    if parameters != request.parameters:
        validate(parameters, flat=request.flat)
    return replace(request, parameters=parameters)


def calls(request: Request, key: str, stage: str, attempt: int = 0) -> list[dict[str, Any]]:
    """Return the exact arguments of each RunTask call.

    A count of N becomes N calls for one task, so that a partial failure repeats what is missing.

    Args:
        request: from `complete`.
        key: the message's key.
        stage: the deployment's name.
        attempt: 0, and one more for each time a task that never started is launched again.
    """
    return [
        {
            **request.parameters,
            "count": 1,
            _STARTED_BY: started_by(stage, key),
            _CLIENT_TOKEN: client_token(key, number, attempt),
        }
        for number in range(request.count)
    ]


def _awsvpc(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return dict(parameters.get("networkConfiguration", {}).get("awsvpcConfiguration", {}))


def _with_promised_network(parameters: dict[str, Any], service: str | None) -> dict[str, Any]:
    """Return the parameters for validation: a service will bring the subnets that are missing."""
    network = parameters.get("networkConfiguration")
    awsvpc = network.get("awsvpcConfiguration") if isinstance(network, dict) else None
    if service is None or not isinstance(network, dict) or not isinstance(awsvpc, dict):
        return parameters
    promised = {**network, "awsvpcConfiguration": {"subnets": [], **awsvpc}}
    return {**parameters, "networkConfiguration": promised}


def _complete_network(
    parameters: dict[str, Any], request: Request, lookups: Lookups, deadline: float
) -> None:
    awsvpc = _awsvpc(parameters)
    if awsvpc.get("subnets") and awsvpc.get("securityGroups"):
        return
    known = lookups.network(request.cluster, request.service or "", deadline)
    if not awsvpc.get("subnets"):
        # Whether an address is public goes with the subnets, unless the message says so.
        for name in ("subnets", "assignPublicIp"):
            if name in known and not awsvpc.get(name):
                awsvpc[name] = known[name]
    if not awsvpc.get("securityGroups") and known.get("securityGroups"):
        awsvpc["securityGroups"] = known["securityGroups"]
    if awsvpc:
        parameters["networkConfiguration"] = {"awsvpcConfiguration": awsvpc}


def _complete_containers(
    parameters: dict[str, Any], request: Request, lookups: Lookups, deadline: float
) -> None:
    overrides = parameters.get("overrides", {}).get("containerOverrides", [])
    if all("name" in override for override in overrides):
        return
    name = lookups.container(request.task_definition, deadline)
    named = [{"name": name, **override} for override in overrides]
    parameters["overrides"] = {**parameters["overrides"], "containerOverrides": named}
