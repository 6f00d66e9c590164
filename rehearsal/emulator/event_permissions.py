"""The permissions that EventBridge asks for, and CloudWatch for dashboards.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.emulator.request import Request

    Check = Callable[[Request, PermissionCheck], Iterator[PermissionCheck]]


def _rule(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check a rule of the default bus, whose ARN does not have the bus."""
    name = request.parameters.get("Rule") or request.parameters.get("Name") or ""
    yield PermissionCheck(asked.action, _arn(request, f"rule/{name}"), asked.context)


def _targets(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Add the ARNs of the targets, a condition key that policies use."""
    targets = [target["Arn"] for target in request.parameters.get("Targets") or ()]
    for check in _rule(request, asked):
        yield check._replace(context={**check.context, "events:TargetArn": targets})


def _bus(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    name = request.parameters.get("Name") or ""
    yield PermissionCheck(asked.action, _arn(request, f"event-bus/{name}"), asked.context)


def _entries(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the bus of each event that is put."""
    for entry in request.parameters.get("Entries") or ():
        bus = str(entry.get("EventBusName") or "default")
        arn = bus if bus.startswith("arn:") else _arn(request, f"event-bus/{bus}")
        yield PermissionCheck(asked.action, arn, asked.context)


def _named(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    arn = request.parameters.get("ResourceARN") or asked.resource
    yield PermissionCheck(asked.action, arn, asked.context)


def _dashboards(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check dashboards, which belong to no region."""
    parameters: dict[str, Any] = request.parameters
    listed = parameters.get("DashboardNames") or [parameters.get("DashboardName") or ""]
    for name in [listed] if isinstance(listed, str) else listed:
        arn = f"arn:aws:cloudwatch::{request.account}:dashboard/{name}"
        yield PermissionCheck(asked.action, arn, asked.context)


def _arn(request: Request, resource: str) -> str:
    return f"arn:aws:events:{request.region}:{request.account}:{resource}"


CHECKS: Final[dict[tuple[str, str], Check]] = {
    **{
        ("events", action): _rule
        for action in (
            "PutRule",
            "DescribeRule",
            "DeleteRule",
            "RemoveTargets",
            "ListTargetsByRule",
        )
    },
    ("events", "PutTargets"): _targets,
    **{
        ("events", action): _bus
        for action in ("CreateEventBus", "DescribeEventBus", "UpdateEventBus", "DeleteEventBus")
    },
    ("events", "PutEvents"): _entries,
    **{
        ("events", action): _named
        for action in ("ListTagsForResource", "TagResource", "UntagResource")
    },
    **{
        ("monitoring", action): _dashboards
        for action in ("PutDashboard", "GetDashboard", "DeleteDashboards")
    },
}
