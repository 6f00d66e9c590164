"""An open question: does a client token replay an answer that held nothing but `failures`."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.verification.canary import KEY_PREFIX
from runtask.verification.disclosure import Fact, public_or
from runtask.verification.finding import Finding, Status, answered, error_finding, skipped
from runtask.verification.tasks import stop_all

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import AttributeTypeDef, RunTaskResponseTypeDef

    from runtask.verification.canary import Canary
    from runtask.verification.context import Verification

_EC2: Final = "EC2"

# Parameters that go with other capacity than an instance of the cluster.
_OTHER_CAPACITY: Final = ("capacityProviderStrategy", "platformVersion", "volumeConfigurations")


def token_replays_failures(verification: Verification) -> Finding:
    """Let RunTask fail for a placement constraint, satisfy the constraint, and call again.

    The constraint asks for an attribute that no container instance has, so the first call answers
    with `failures`. Then one instance gets the attribute, and calls with tokens of their own are
    made until one starts a task. If the first call, made once more, still answers with the same
    failures, the token replays them. The tasks are stopped and the attribute is deleted; they run
    on an instance that is there, so nothing is paid for.
    """
    if not verification.context.probe_aws:
        return skipped("not asked; pass --probe-aws")
    planned = verification.canary
    if planned is None:
        return skipped("no task was named; name one with --task-definition or --message")
    if _EC2 not in planned.definition.get("compatibilities", []):
        return skipped(
            "the task definition cannot run on EC2, and RunTask answers with failures only there"
        )
    ecs = verification.operator.session.client("ecs")
    try:
        instances = ecs.list_container_instances(
            cluster=planned.cluster, status="ACTIVE", maxResults=1
        )["containerInstanceArns"]
        if not instances:
            return skipped(
                "the cluster has no container instance, and RunTask answers with failures only "
                "where there is one"
            )
        return _experiment(verification, ecs, planned, instances[0])
    except (ClientError, BotoCoreError) as error:
        return error_finding(Status.SKIPPED, error)


def _experiment(
    verification: Verification, ecs: ECSClient, planned: Canary, instance: str
) -> Finding:
    name = KEY_PREFIX + uuid.uuid4().hex
    attribute: AttributeTypeDef = {"name": name, "value": "yes", "targetId": instance}
    call = _call(planned, name)
    # The tasks of all three calls have the same startedBy.
    verification.cleanup.callback(stop_all, ecs, planned.cluster, name)
    first = ecs.run_task(**call)
    if first["tasks"] or not first["failures"]:
        return skipped("RunTask started a task although no instance has the attribute")
    reason = public_or("reason", str(first["failures"][0].get("reason", "")))
    verification.cleanup.callback(_delete, ecs, planned.cluster, attribute)
    ecs.put_attributes(cluster=planned.cluster, attributes=[attribute])
    if not _starts_with_other_tokens(verification, ecs, call, name):
        return skipped("no call starts a task, although an instance has the attribute")
    second = ecs.run_task(**call)
    # Another failure, such as no room beside the task that was just started, is a new answer too.
    replays = not second["tasks"] and _reasons(second) == _reasons(first)
    facts: dict[str, Fact] = {"replaysFailures": replays, "reason": reason}
    if replays:
        return answered(
            "the token replays its failures ({reason}), while another token starts the task",
            facts,
            reason=reason,
        )
    return answered(
        "RunTask tried again: once there was an instance, the token of a call that had failed "
        "with {reason} was no obstacle",
        facts,
        reason=reason,
    )


def _starts_with_other_tokens(
    verification: Verification, ecs: ECSClient, call: dict[str, Any], name: str
) -> bool:
    """Make the call under one token after the other, and return whether one starts a task."""
    numbers = itertools.count()

    def starts() -> bool:
        answer = ecs.run_task(**{**call, "clientToken": f"{name}-{next(numbers)}"})
        return bool(answer["tasks"])

    return verification.context.wait_for(starts)


def _call(planned: Canary, name: str) -> dict[str, Any]:
    kept = {key: value for key, value in planned.call.items() if key not in _OTHER_CAPACITY}
    network = kept.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    if network:
        # Only Fargate gives a task a public address.
        private = {key: value for key, value in network.items() if key != "assignPublicIp"}
        kept["networkConfiguration"] = {"awsvpcConfiguration": private}
    return {
        **kept,
        "launchType": _EC2,
        "placementConstraints": [
            {"type": "memberOf", "expression": f"attribute:{name} == yes"},
        ],
        "clientToken": name,
        "startedBy": name,
    }


def _reasons(answer: RunTaskResponseTypeDef) -> list[str]:
    return [str(one.get("reason", "")) for one in answer["failures"]]


def _delete(ecs: ECSClient, cluster: str, attribute: AttributeTypeDef) -> None:
    ecs.delete_attributes(cluster=cluster, attributes=[attribute])
