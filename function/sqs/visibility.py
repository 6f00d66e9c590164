"""Returns messages to the queue, each with a visibility timeout of its own.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from function.limits import MAX_VISIBILITY_BATCH
from function.outcome import Disposition

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

    from function.observability import Log
    from function.outcome import Outcome


def return_to_queue(sqs: SQSClient, queue_url: str, outcomes: list[Outcome], log: Log) -> None:
    """Set the visibility timeout of every returned message.

    One call for ten messages, at the end of the batch: until then it does not matter that they
    are invisible. A message whose timeout cannot be set becomes visible after the queue's own.

    Args:
        sqs: A client for the work queue.
        queue_url: The work queue.
        outcomes: Of a whole batch.
        log: The function's logger.
    """
    returned = [outcome for outcome in outcomes if outcome.disposition is Disposition.RETURNED]
    for start in range(0, len(returned), MAX_VISIBILITY_BATCH):
        part = returned[start : start + MAX_VISIBILITY_BATCH]
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {
                "Id": str(number),
                "ReceiptHandle": outcome.record.receipt_handle,
                "VisibilityTimeout": outcome.visibility_seconds,
            }
            for number, outcome in enumerate(part)
        ]
        try:
            response = sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", type(error).__name__)
            causes = dict.fromkeys(range(len(part)), code)
        except BotoCoreError as error:
            causes = dict.fromkeys(range(len(part)), type(error).__name__)
        else:
            causes = {int(entry["Id"]): entry["Code"] for entry in response.get("Failed", [])}
        for number, cause in causes.items():
            log.warning(
                "visibility timeout not changed",
                message_id=part[number].record.message_id,
                cause=cause,
            )
