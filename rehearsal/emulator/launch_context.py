"""The condition keys of ecs:RunTask that say what a call asks for.

A key is there where the call has the parameter: AWS does not say that ECS fills in others.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request


def launch_context(request: Request) -> dict[str, Any]:
    """Return the condition keys of a RunTask call, besides those of its cluster and its caller."""
    asked = request.parameters
    context: dict[str, Any] = {}
    if "enableExecuteCommand" in asked:
        context["ecs:enable-execute-command"] = str(bool(asked["enableExecuteCommand"])).lower()
    if "volumeConfigurations" in asked:
        context["ecs:enable-ebs-volumes"] = str(bool(asked["volumeConfigurations"])).lower()
    if strategy := asked.get("capacityProviderStrategy"):
        providers = f"arn:aws:ecs:{request.region}:{request.account}:capacity-provider"
        context["ecs:capacity-provider"] = [
            f"{providers}/{item['capacityProvider']}" for item in strategy
        ]
    if tags := asked.get("tags"):
        context["aws:TagKeys"] = [tag["key"] for tag in tags]
    return context
