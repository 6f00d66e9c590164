"""Reports of what became of a batch's messages, sent to the events queue.

They are sent once, at the end of the batch: no launch waits for its report, and none fails by it.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.limits import MAX_REPORT_BYTES, MAX_SEND_BATCH
from function.message.applied_limits import block_of
from function.message.idempotency import origin_of
from function.outcomes.history import Asked, Rejection
from function.outcomes.observations import Launched, Rejected, RestartFailed, to_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from function.failures.reasons import Failure
    from function.message.request import Request
    from function.message.task_limits import TaskLimits
    from function.observability import Log
    from function.outcome import Report
    from function.sqs.record import Record

# What a report leaves out of the parameters: it can hold what a sender keeps secret.
_OVERRIDES: Final = "overrides"
_TAGS: Final = "tags"
_VOLUMES: Final = "volumeConfigurations"

# The service that supplies what the message leaves out, among the parameters of a report.
SERVICE: Final = "service"


def launched(  # noqa: PLR0913 - all that is known of a launch
    record: Record,
    key: str,
    request: Request,
    limits: TaskLimits,
    *,
    containers: Iterable[str],
    tasks: Iterable[str],
    at: float,
) -> Launched:
    """Return the report of a message whose tasks are started.

    Args:
        record: The delivery.
        key: The idempotency key.
        request: As it was sent: a restart completes it anew.
        limits: Those that hold for it.
        containers: The names of the containers that it overrides.
        tasks: The ARNs of its tasks.
        at: When they were started, in seconds since 1970.
    """
    return Launched(
        key=key,
        asked=Asked(
            digest=request.digest(),
            parameters=_reported(request),
            containers=tuple(containers),
            count=request.count,
            group=record.group,
            limits=block_of(request, limits),
            message_id=origin_of(record),
            queued_at=record.sent_at,
            launched_at=at,
        ),
        tasks=tuple(tasks),
    )


def containers_of(request: Request) -> list[str]:
    """Return the names of the containers that a request overrides."""
    overrides = request.parameters.get(_OVERRIDES, {}).get("containerOverrides", ())
    return [str(override.get("name", "")) for override in overrides]


def rejected(record: Record, key: str | None, failure: Failure, *, at: float) -> Rejected:
    """Return the report of a message that was moved to the dead-letter queue.

    Args:
        record: The delivery.
        key: The idempotency key; None if it is not valid.
        failure: Why; its error is free of secrets.
        at: When, in seconds since 1970.
    """
    return Rejected(
        key=key or origin_of(record),
        rejection=Rejection(
            reason=failure.reason,
            error=failure.error,
            message_id=origin_of(record),
            queued_at=record.sent_at,
            rejected_at=at,
            group=record.group,
        ),
    )


def send(sqs: SQSClient, queue_url: str, reports: Iterable[Report], log: Log) -> list[Report]:
    """Send the reports of a batch, and return those that were not sent.

    Args:
        sqs: A client for the events queue.
        queue_url: The events queue.
        reports: Of the messages that were launched or rejected.
        log: The function's logger.
    """
    waiting = list(reports)
    lost: list[Report] = []
    for start in range(0, len(waiting), MAX_SEND_BATCH):
        part = waiting[start : start + MAX_SEND_BATCH]
        causes = _sent(sqs, queue_url, [body(report.make()) for report in part])
        for number, cause in causes.items():
            log.warning("report lost", message_id=part[number].message_id, cause=cause)
            lost.append(part[number])
    return lost


def body(report: Launched | Rejected | RestartFailed) -> str:
    """Return the body of a report, without its parameters if it would be too long with them."""
    text = to_body(report)
    if len(text) > MAX_REPORT_BYTES and isinstance(report, Launched):
        text = to_body(replace(report, asked=replace(report.asked, parameters={})))
    return text


def _sent(sqs: SQSClient, queue_url: str, bodies: list[str]) -> dict[int, str]:
    """Send up to ten bodies, and return why some were not sent, by their number."""
    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "MessageBody": text} for number, text in enumerate(bodies)
    ]
    try:
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", type(error).__name__))
        return dict.fromkeys(range(len(bodies)), code)
    except BotoCoreError as error:
        return dict.fromkeys(range(len(bodies)), type(error).__name__)
    return {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}


def _reported(request: Request) -> dict[str, Any]:
    """Return the parameters of a request without overrides and values of tags."""
    kept = {name: value for name, value in request.parameters.items() if name != _OVERRIDES}
    if _TAGS in kept:
        kept[_TAGS] = _keys(kept[_TAGS])
    if _VOLUMES in kept:
        kept[_VOLUMES] = [_volume(volume) for volume in kept[_VOLUMES]]
    if request.service is not None:
        kept[SERVICE] = request.service
    return kept


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    managed = dict(volume.get("managedEBSVolume", {}))
    if "tagSpecifications" not in managed:
        return dict(volume)
    managed["tagSpecifications"] = [
        {**part, _TAGS: _keys(part.get(_TAGS, ()))} for part in managed["tagSpecifications"]
    ]
    return {**volume, "managedEBSVolume": managed}


def _keys(tags: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"key": str(tag.get("key", ""))} for tag in tags]
