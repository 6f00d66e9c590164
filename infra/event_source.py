"""How a queue invokes a stage's function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_aws import lambda_

if TYPE_CHECKING:
    from pulumi import Input, ResourceOptions


def event_source(  # noqa: PLR0913 - what the mappings differ in
    name: str,
    *,
    queue_arn: Input[str],
    alias_arn: Input[str],
    batch_size: int,
    batching_window_seconds: int,
    maximum_concurrency: int,
    opts: ResourceOptions,
) -> lambda_.EventSourceMapping:
    """Return an event source mapping from a queue to the function's alias."""
    return lambda_.EventSourceMapping(
        name,
        event_source_arn=queue_arn,
        function_name=alias_arn,
        batch_size=batch_size,
        maximum_batching_window_in_seconds=batching_window_seconds,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config={"maximum_concurrency": maximum_concurrency},
        # How many messages were polled, and how many failed.
        metrics_config={"metrics": ["EventCount"]},
        opts=opts,
    )
