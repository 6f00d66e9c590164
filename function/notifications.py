"""Notifications on the failure topic: the reason and the ids, never a body.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.limits import NOTICE_INTERVAL_SECONDS

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from function.clock import Clock
    from function.failures.reasons import Failure
    from function.observability import Log
    from function.sqs.record import Record

_MAX_SUBJECT_LENGTH: Final = 100


class Notifications:
    """Announces failures. One that cannot be announced is logged: the message comes first."""

    def __init__(
        self, sns: SNSClient, topic_arn: str, stage: str, log: Log, clock: Clock = time
    ) -> None:
        """Announce on a topic; `monotonic` of the clock spaces repeated notices."""
        self._sns = sns
        self._topic_arn = topic_arn
        self._stage = stage
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._announced: dict[str, float] = {}

    def rejected(self, record: Record, failure: Failure, key: str | None) -> None:
        """Announce that a message went to the dead-letter queue."""
        self._publish("rejected", record, failure, key)

    def waiting(self, record: Record, failure: Failure, key: str | None) -> None:
        """Announce that messages wait for the account to be mended, not once a receive."""
        with self._lock:
            now = self._clock.monotonic()
            last = self._announced.get(failure.reason)
            if last is not None and now - last < NOTICE_INTERVAL_SECONDS:
                return
            self._announced[failure.reason] = now
        self._publish("waiting", record, failure, key)

    def _publish(self, state: str, record: Record, failure: Failure, key: str | None) -> None:
        notice = {
            "stage": self._stage,
            "state": state,
            "reason": failure.reason,
            "error": failure.error,
            "redrivable": failure.redrivable,
            "messageId": record.message_id,
            "key": key,
            "attempts": record.receives,
        }
        subject = f"ecs-run-task {self._stage}: message {state}, {failure.reason}"
        try:
            self._sns.publish(
                TopicArn=self._topic_arn,
                Subject=subject[:_MAX_SUBJECT_LENGTH],
                Message=json.dumps(notice),
            )
        except (ClientError, BotoCoreError) as error:
            self._log.error(
                "notice not published",
                message_id=record.message_id,
                reason=failure.reason,
                cause=type(error).__name__,
            )
