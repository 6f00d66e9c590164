"""Notifications on the failure topic: the reason and the ids, and nothing that a sender wrote.

Subscribers read them as the kit's own words, often as e-mail.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from function.limits import MAX_SUBJECT_LENGTH
from function.message.quotable import free_texts_of, public_pieces
from function.message.redaction import redact

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from function.clock import Clock
    from function.failures.reasons import Failure
    from function.observability import Log
    from function.settings import Settings
    from function.sqs.record import Record


class Notifications:
    """Publishes notifications. If one cannot be published, that is logged and nothing else.

    Args:
        sns: A client without retries: no message waits for its notification.
        settings: The failure topic, and the stage's name, part of every notification.
        log: The function's logger.
        clock: Its `monotonic` limits repeated notifications.
    """

    def __init__(self, sns: SNSClient, settings: Settings, log: Log, clock: Clock = time) -> None:
        self._sns = sns
        self._settings = settings
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._last_published: dict[str, float] = {}

    def rejected(self, record: Record, failure: Failure, key: str | None) -> None:
        """Notify that a message was moved to the dead-letter queue."""
        self._publish("rejected", record, failure, key)

    def waiting(self, record: Record, failure: Failure, key: str | None) -> None:
        """Notify that messages are blocked on an account problem.

        At most once per reason and interval, not once per receive.
        """
        with self._lock:
            now = self._clock.monotonic()
            last = self._last_published.get(failure.reason)
            if last is not None and now - last < failure.details.announcement_seconds:
                return
            self._last_published[failure.reason] = now
        self._publish("waiting", record, failure, key)

    def _publish(self, state: str, record: Record, failure: Failure, key: str | None) -> None:
        stage = self._settings.stage
        free, quotable = free_texts_of(record, self._settings)
        notification = {
            "stage": stage,
            "state": state,
            "reason": failure.reason,
            "error": redact(failure.error, free, public_pieces(self._settings) | quotable),
            "redrivable": failure.redrivable,
            "messageId": record.message_id,
            "key": key,
            "attempts": record.receives,
        }
        subject = f"ecs-run-task {stage}: message {state}, {failure.reason}"
        try:
            self._sns.publish(
                TopicArn=self._settings.failure_topic_arn,
                Subject=subject[:MAX_SUBJECT_LENGTH],
                Message=json.dumps(notification),
            )
        except (ClientError, BotoCoreError) as error:
            self._log.error(
                "notification not published",
                message_id=record.message_id,
                reason=failure.reason,
                cause=type(error).__name__,
            )
