"""What a function's role may do after a launch; nothing of it where the stage has it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.policies.function_actions import FOLLOW_ACTIONS, LISTED, PAYLOADS, within
from infra.policies.statements import Statement, allow, under

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.policies.function_role import FunctionGrants


def outcome_statements(grants: FunctionGrants) -> Iterator[Statement]:
    """Yield the statements for what the stage has of events, results and payloads."""
    if grants.events_queue_arn is not None:
        yield allow(
            "FollowTasks",
            FOLLOW_ACTIONS,
            resources=[within(cluster, "task") for cluster in grants.cluster_arns],
            conditions={"ArnLike": {"ecs:cluster": grants.cluster_arns}},
        )
        # Reports to the events queue, restarts to the work queue.
        yield allow(
            "SendReports",
            ["sqs:SendMessage"],
            resources=[grants.events_queue_arn, grants.work_queue_arn],
        )
        yield allow(
            "ListKeys",
            ["dynamodb:Query"],
            resources=[under(grants.ledger_table_arn, f"/index/{LISTED}")],
        )
    if grants.results_queue_arn is not None:
        yield allow("SendResults", ["sqs:SendMessage"], resources=[grants.results_queue_arn])
    if grants.results_bus_arn is not None:
        yield allow("PutResults", ["events:PutEvents"], resources=[grants.results_bus_arn])
    if grants.payload_bucket_arn is not None:
        yield allow(
            "StorePayloads",
            ["s3:PutObject"],
            resources=[under(grants.payload_bucket_arn, f"/{PAYLOADS}/*")],
        )
