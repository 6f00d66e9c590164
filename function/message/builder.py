"""Builds the RunTask call that a message's body asks for.

`read` works without AWS, `complete` asks ECS for what the message leaves out, and `call` returns
the arguments of the call. The result depends only on the message, the stage and what ECS returned:
a redelivery has to make the same call, or its client token would conflict.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_TASKS
from function.message import choices, forms, parsing, task_limits, templates
from function.message.idempotency import Stage, client_token, started_by
from function.message.payload import (
    LONGEST_KEY,
    Payload,
    check_variables,
    payload_of,
    with_variables,
)
from function.message.request import Request
from function.message.validation import validate, validate_service

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
        settings: What a sender may choose.

    Raises:
        PermanentFailure: if the message can never succeed as it is.
    """
    request = read_unchecked(body, settings)
    choices.check(request, settings)
    return request


def read_unchecked(body: str, settings: Settings) -> Request:
    """Return what a message asks for, whether or not the stage allows it.

    Args:
        body: JSON, or the text of a Python dict, in either form.
        settings: Whether such texts are read.

    Raises:
        PermanentFailure: if it is no request that ECS could carry out.
    """
    content, source = parsing.parse_body(
        body,
        python_literals=settings.python_literals,
        expressions=settings.templates,
        stage=settings.stage,
    )
    if not source:
        return _request(content, settings)
    try:
        return _request(content, settings)
    except PermanentFailure as failure:
        problem = f"the request that it makes: {failure.error}"
        raise templates.failed(source, settings.stage, problem) from None


def _request(content: parsing.Json, settings: Settings) -> Request:
    flat = forms.is_flat(content)
    parameters = forms.to_run_task_form(content) if flat else content
    limits = _limits(parameters.pop(task_limits.LIMITS, None))
    service = parameters.pop("service", None)
    payload = _popped_payload(parameters, settings)
    if service is not None:
        service = validate_service(service)
    if _CLIENT_TOKEN in parameters:
        raise PermanentFailure(
            "bad-value",
            f"ECS.{_CLIENT_TOKEN}: is derived from the idempotency key;"
            " set the message attribute `key` instead",
        )
    # Senders for the AWS Labs sample may set it; ours leads back to the message.
    parameters.pop(_STARTED_BY, None)
    count = parameters.get("count", 1)
    _validate(_with_expected_network(parameters, service), payload, flat=flat)
    if isinstance(count, bool) or not 1 <= count <= MAX_TASKS:
        raise PermanentFailure(
            "over-limit",
            f"ECS.count: expected a whole number from 1 to {MAX_TASKS},"
            f" got {parsing.describe(count)}",
        )
    parameters.pop("count", None)
    return Request(
        parameters=parameters,
        count=count,
        service=service,
        flat=flat,
        payload=payload,
        limits=limits,
    )


def complete(
    request: Request,
    lookups: Lookups,
    deadline: float = math.inf,
    *,
    settings: Settings | None = None,
) -> Request:
    """Return a request with what the message left out.

    That is the network and the launch type or capacity providers, from its service, and the names
    of containers.

    Args:
        request: From `read`.
        lookups: Ask ECS.
        deadline: In monotonic time; ECS is not asked after it.
        settings: The options of the stage that the capacity providers of a service have to
            satisfy; None for no check.

    Raises:
        Failure: if ECS finds no such service or task definition, or does not respond, or if the
            completed request exceeds a limit.
    """
    parameters = dict(request.parameters)
    if request.service is not None:
        _complete_from_service(parameters, request, lookups, deadline)
    _complete_containers(parameters, request, lookups, deadline)
    if parameters != request.parameters:
        _validate(parameters, request.payload, flat=request.flat)
        if settings is not None and "capacityProviderStrategy" not in request.parameters:
            strategy = parameters.get("capacityProviderStrategy", ())
            choices.check_providers((str(item["capacityProvider"]) for item in strategy), settings)
    return replace(request, parameters=parameters)


def call(
    request: Request, key: str, stage: Stage, *, attempt: int = 0, count: int | None = None
) -> dict[str, Any]:
    """Return the exact arguments of a RunTask call.

    Args:
        request: From `complete`.
        key: The message's idempotency key.
        stage: Where the key is valid.
        attempt: Its number: each has a client token of its own.
        count: The tasks that are missing; by default, all of them.
    """
    parameters = request.parameters
    if request.payload is not None:
        parameters = with_variables(parameters, request.payload, key)
    return {
        **parameters,
        "count": request.count if count is None else count,
        _STARTED_BY: started_by(stage.name, key),
        _CLIENT_TOKEN: client_token(key, stage, attempt),
    }


def _popped_payload(parameters: dict[str, Any], settings: Settings) -> Payload | None:
    if parsing.PAYLOAD not in parameters:
        return None
    return payload_of(parameters.pop(parsing.PAYLOAD), settings.payload_bucket)


def _validate(parameters: dict[str, Any], payload: Payload | None, *, flat: bool) -> None:
    """Check parameters, and that the variables of a payload fit beside the overrides."""
    validate(parameters, flat=flat)
    if payload is not None:
        check_variables(parameters, flat=flat)
        validate(with_variables(parameters, payload, LONGEST_KEY), flat=flat)


def _limits(block: object) -> task_limits.TaskLimits | None:
    try:
        return None if block is None else task_limits.parse(block)
    except task_limits.LimitsError as error:
        raise PermanentFailure("bad-limits", str(error)) from None


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


def _complete_from_service(
    parameters: dict[str, Any], request: Request, lookups: Lookups, deadline: float
) -> None:
    awsvpc = _awsvpc(parameters)
    supplied = "launchType" in parameters or bool(parameters.get("capacityProviderStrategy"))
    if supplied and awsvpc.get("subnets") and awsvpc.get("securityGroups"):
        return
    found = lookups.service(request.cluster, request.service or "", deadline)
    if not supplied:
        parameters.update({**found.supply, **parameters})
    if not awsvpc.get("subnets"):
        # A public IP address belongs to the subnets, unless the message decides.
        for name in ("subnets", "assignPublicIp"):
            if name in found.network and not awsvpc.get(name):
                awsvpc[name] = found.network[name]
    if not awsvpc.get("securityGroups") and found.network.get("securityGroups"):
        awsvpc["securityGroups"] = found.network["securityGroups"]
    if awsvpc:
        parameters["networkConfiguration"] = {"awsvpcConfiguration": awsvpc}


def _complete_containers(
    parameters: dict[str, Any], request: Request, lookups: Lookups, deadline: float
) -> None:
    overrides = parameters.get("overrides", {}).get("containerOverrides", [])
    if request.payload is not None:
        overrides = overrides or [{}]  # somebody has to get its variables
    if all("name" in override for override in overrides):
        return
    name = lookups.container(request.task_definition, deadline)
    named = [{"name": name, **override} for override in overrides]
    parameters["overrides"] = {**parameters.get("overrides", {}), "containerOverrides": named}
