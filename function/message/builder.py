"""Builds the RunTask calls that a message's body asks for.

`read` works without AWS, `complete` asks ECS for what the message leaves out, and `calls` returns
the arguments of the calls. The result depends only on the message, the stage and what ECS returned:
a redelivery has to make the same calls, or its client tokens would conflict.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import classify_error
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
    """Return what a message asks for, validated as far as possible without AWS.

    Args:
        body: JSON, or the text of a Python dict, in either form.
        settings: The allow-list.

    Raises:
        PermanentFailure: if the message can never succeed as it is.
    """
    content = parsing.parse(body)
    flat = forms.is_flat(content)
    parameters = forms.to_run_task_form(content) if flat else content
    service = parameters.pop("service", None)
    if service is not None and (not isinstance(service, str) or not service):
        found = "an empty string" if service == "" else parsing.describe(service)
        raise PermanentFailure("wrong-type", f"ECS.service: expected a string, got {found}")
    if _CLIENT_TOKEN in parameters:
        raise PermanentFailure(
            "bad-value",
            f"ECS.{_CLIENT_TOKEN}: is derived from the idempotency key;"
            " set the message attribute `key` instead",
        )
    # Senders for the AWS Labs sample may set it; ours leads back to the message.
    parameters.pop(_STARTED_BY, None)
    count = parameters.get("count", 1)
    validate(_with_expected_network(parameters, service), flat=flat)
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
    """Return a request with the network and the container names that the message left out.

    Args:
        request: From `read`.
        lookups: Ask ECS.
        deadline: In monotonic time; ECS is not asked after it.

    Raises:
        Failure: if ECS finds no such service or task definition, or does not respond, or if the
            completed request exceeds a limit.
    """
    parameters = dict(request.parameters)
    try:
        if request.service is not None:
            _complete_network(parameters, request, lookups, deadline)
        _complete_containers(parameters, request, lookups, deadline)
    except (ClientError, BotoCoreError) as error:
        raise classify_error(error) from None
    if parameters != request.parameters:
        validate(parameters, flat=request.flat)
    return replace(request, parameters=parameters)


def calls(request: Request, key: str, stage: str) -> list[dict[str, Any]]:
    """Return the exact arguments of each RunTask call.

    A count of N becomes N calls for one task each, so that after a partial failure a redelivery
    starts only what is missing.

    Args:
        request: From `complete`.
        key: The message's idempotency key.
        stage: The stage's name.
    """
    return [
        {
            **request.parameters,
            "count": 1,
            _STARTED_BY: started_by(stage, key),
            _CLIENT_TOKEN: client_token(key, number),
        }
        for number in range(request.count)
    ]


def _awsvpc(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return dict(parameters.get("networkConfiguration", {}).get("awsvpcConfiguration", {}))


def _with_expected_network(parameters: dict[str, Any], service: str | None) -> dict[str, Any]:
    """Return the parameters to validate: a service will supply the subnets that are missing."""
    network = parameters.get("networkConfiguration")
    awsvpc = network.get("awsvpcConfiguration") if isinstance(network, dict) else None
    if service is None or not isinstance(network, dict) or not isinstance(awsvpc, dict):
        return parameters
    expected = {**network, "awsvpcConfiguration": {"subnets": [], **awsvpc}}
    return {**parameters, "networkConfiguration": expected}


def _complete_network(
    parameters: dict[str, Any], request: Request, lookups: Lookups, deadline: float
) -> None:
    awsvpc = _awsvpc(parameters)
    if awsvpc.get("subnets") and awsvpc.get("securityGroups"):
        return
    found = lookups.network(request.cluster, request.service or "", deadline)
    if not awsvpc.get("subnets"):
        # A public IP address belongs to the subnets, unless the message decides.
        for name in ("subnets", "assignPublicIp"):
            if name in found and not awsvpc.get(name):
                awsvpc[name] = found[name]
    if not awsvpc.get("securityGroups") and found.get("securityGroups"):
        awsvpc["securityGroups"] = found["securityGroups"]
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
