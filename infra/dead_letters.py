"""What every dead-letter queue of a stage has, whichever queue it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_aws import sqs

from infra.documents import to_json
from infra.policies.resource_policies import dead_letter_queue_policy

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from infra.names import Location


def join(
    name: str, location: Location, queue: sqs.Queue, dead_letters: sqs.Queue, opts: ResourceOptions
) -> None:
    """Let a queue alone move messages to its dead-letter queue, and protect that one.

    Args:
        name: The name of the queue's component.
        location: The account and region.
        queue: The queue.
        dead_letters: Its dead-letter queue.
        opts: Of the resources.
    """
    sqs.RedriveAllowPolicy(
        f"{name}-dlq-redrive",
        queue_url=dead_letters.url,
        redrive_allow_policy=to_json(
            {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
        ),
        opts=opts,
    )
    sqs.QueuePolicy(
        f"{name}-dlq-policy",
        queue_url=dead_letters.url,
        policy=to_json(dead_letter_queue_policy(location, dead_letters.arn)),
        opts=opts,
    )
