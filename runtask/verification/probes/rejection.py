"""A message that can never succeed: into the dead-letter queue, and out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import REASONS
from runtask.verification import queues
from runtask.verification.canary import canary_key
from runtask.verification.disclosure import Private, Public, public_or
from runtask.verification.finding import Finding, failed, passed

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from runtask.verification.context import Verification

# Rejected before anything is allowed or looked up, so that it is right for every configuration.
_BODY: Final = json.dumps({"ECS": {"taskDefinition": "runtask-verify", "noSuchParameter": True}})
_REASON: Final = "unknown-parameter"


def rejected_message(verification: Verification) -> Finding:
    """Send an invalid message, find its dead letter with the reason, and take that out."""
    context = verification.context
    sqs = verification.operator.session.client("sqs")
    url = str(verification.outputs["deadLetterQueueUrl"])
    key = canary_key()
    begun = context.clock.monotonic()
    message_id = queues.send(sqs, str(verification.outputs["queueUrl"]), body=_BODY, key=key)
    letters: list[queues.DeadLetter] = []

    def taken() -> bool:
        letters.extend(queues.take_dead_letters(sqs, url, key))
        return bool(letters)

    found = False
    try:
        found = context.wait_for(taken)
    finally:
        # Also after Ctrl-C: the handler may have rejected it meanwhile.
        if not found and not _take_once(sqs, url, key):
            context.say(
                f"the invalid message with key {key} is still in the work queue, or will be in "
                "the dead-letter queue; delete it there"
            )
    if not found:
        return failed(
            "the invalid message was not in the dead-letter queue after {seconds} s; see the "
            "function's log in {log}",
            seconds=context.timeout_seconds,
            log=Private("log-group", str(verification.outputs["logGroup"])),
        )
    (letter,) = letters
    seconds = round(context.clock.monotonic() - begun, 1)
    reason = (
        Public(letter.reason) if letter.reason in REASONS else public_or("reason", letter.reason)
    )
    facts = {"reason": reason, "secondsToDeadLetter": seconds}
    if letter.reason != _REASON or letter.message_id != message_id:
        return failed(
            "the dead letter has reason {reason}, expected {expected}; it was taken out again",
            facts,
            reason=reason,
            expected=Public(_REASON),
        )
    return passed(
        "rejected as {reason} after {seconds} s, and taken out of the dead-letter queue again",
        facts,
        reason=reason,
        seconds=seconds,
    )


def _take_once(sqs: SQSClient, url: str, key: str) -> bool:
    try:
        return bool(queues.take_dead_letters(sqs, url, key))
    except (ClientError, BotoCoreError):
        return False
