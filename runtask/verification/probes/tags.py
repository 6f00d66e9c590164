"""An open question: how soon does a tag count for IAM."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.account import assume_role
from runtask.verification.canary import KEY_PREFIX
from runtask.verification.finding import (
    Finding,
    Status,
    answered,
    error_finding,
    is_denied,
    skipped,
)

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from runtask.verification.context import Verification

_VALUE: Final = "yes"


def tag_delay(verification: Verification) -> Finding:
    """Measure how long a new tag takes to grant, and its removal takes to deny.

    The deploy role is assumed once more, with a session policy that allows one read of the work
    queue, and only if the queue has a tag that it does not have. Then the queue is tagged, and
    untagged. Nothing is paid for, and the tag is gone at the end.
    """
    if not verification.context.probe_aws:
        return skipped("not asked; pass --probe-aws")
    queue_url = str(verification.outputs["queueUrl"])
    tag = KEY_PREFIX + uuid.uuid4().hex
    deployer: SQSClient = verification.state.role.session.client("sqs")
    try:
        limited = _limited(verification, queue_url, tag)
        if limited is None:
            return skipped("there is no deploy role to assume with a session policy")
        if _may_read(limited, queue_url):
            return skipped("the read was allowed without the tag; session policies do not count")
        return _measure(verification, deployer, limited, queue_url, tag)
    except (ClientError, BotoCoreError) as error:
        return error_finding(Status.SKIPPED, error)


def _measure(
    verification: Verification, deployer: SQSClient, limited: SQSClient, queue_url: str, tag: str
) -> Finding:
    context = verification.context

    def seconds_until(*, allowed: bool) -> float | None:
        begun = context.clock.monotonic()
        reached = context.wait_for(lambda: _may_read(limited, queue_url) is allowed)
        return round(context.clock.monotonic() - begun, 1) if reached else None

    try:
        deployer.tag_queue(QueueUrl=queue_url, Tags={tag: _VALUE})
        to_grant = seconds_until(allowed=True)
    finally:
        deployer.untag_queue(QueueUrl=queue_url, TagKeys=[tag])
    to_deny = None if to_grant is None else seconds_until(allowed=False)
    facts = {
        "secondsToGrant": to_grant,
        "secondsToDeny": to_deny,
        "pollSeconds": context.poll_seconds,
        "timeoutSeconds": context.timeout_seconds,
    }
    if to_grant is None:
        return answered(
            "the tag of a queue did not count in {seconds} s",
            facts,
            seconds=context.timeout_seconds,
        )
    if to_deny is None:
        return answered(
            "the tag of a queue counted after {grant} s; that it was removed did not count in "
            "{seconds} s",
            facts,
            grant=to_grant,
            seconds=context.timeout_seconds,
        )
    return answered(
        "the tag of a queue counted after {grant} s, and its removal after {deny} s",
        facts,
        grant=to_grant,
        deny=to_deny,
    )


def _limited(verification: Verification, queue_url: str, tag: str) -> SQSClient | None:
    """Return a client as the deploy role that may read the queue only if it has the tag."""
    config, context = verification.config, verification.context
    values = context.project.stack_config(config.stage)
    roles: list[dict[str, Any]] = json.loads(values.get("aws:assumeRoles", "[]"))
    if not roles:
        return None
    queue = config.location.arn("sqs", queue_url.rpartition("/")[2])
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sqs:GetQueueAttributes",
                "Resource": queue,
                "Condition": {"StringEquals": {f"aws:ResourceTag/{tag}": _VALUE}},
            }
        ],
    }
    session = context.sessions.own(config.stage, config.location)
    for role in roles[:-1]:
        session = context.sessions.assumed(config.location, assume_role(session, role))
    keys = assume_role(session, roles[-1], session_policy=json.dumps(policy))
    return context.sessions.assumed(config.location, keys).client("sqs")


def _may_read(sqs: SQSClient, queue_url: str) -> bool:
    try:
        sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    except ClientError as error:
        if is_denied(error):
            return False
        raise
    return True
