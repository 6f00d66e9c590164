"""The protocol alone: the smallest handler that keeps the promise, without pace and politeness.

It shows that the invariants can be kept under every reading, so that what the model finds in the
product's handler is the handler's. Its parts can be taken out one by one (`Parts`): the model has
to find each one missing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from tests.model.application import queue_url
from tests.model.jobs import is_valid, started_by
from tests.model.reference_ledger import (
    Ledger,
    Parts,
    RejectedError,
    ReturnedError,
    State,
    Subject,
    subject_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.model.world import MakeHandler

# A token lives for at least an hour from its task's creation, and ListTasks shows a task for as
# long: up to SAFE a token is replayed, up to LISTED the list is complete.
_SAFE_SECONDS: Final = 3000.0
_LISTED_SECONDS: Final = 3500.0

# For so long a task may stay unlisted that started although failures were answered.
_PAUSE_SECONDS: Final = 2.0

_EXPIRY_AGE_SECONDS: Final = 4 * 24 * 3600.0 - 3600.0

# A reason of the product's table; which one does not matter here.
_INVALID: Final = "bad-value"
_MAX_BACKOFF_SECONDS: Final = 900.0
_SERVER_ERROR_STATUS: Final = 500

Request = dict[str, Any]


class Reference:
    """A handler."""

    def __init__(self, stage: str, parts: Parts, **clients: Any) -> None:
        self._parts = parts
        self._ecs, self._sqs = clients["ecs"], clients["sqs"]
        self._clock, self._draw = clients["clock"], clients["draw"]
        self._ledger = Ledger(stage, clients["dynamodb"], self._clock, parts)
        self._stage = stage
        self._hash = hashlib.sha256(f"{stage} 111111111111 eu-central-1".encode()).hexdigest()[:8]

    def handle(self, event: object, _context: object, /) -> dict[str, Any]:
        """Work a batch."""
        records = cast("Any", event)["Records"]
        kept = [subject for subject in map(subject_of, records) if not self._work(subject)]
        for subject in kept:
            self._hide(subject)
        return {"batchItemFailures": [{"itemIdentifier": subject.id} for subject in kept]}

    def _hide(self, subject: Subject) -> None:
        longest = min(_MAX_BACKOFF_SECONDS, 2.0 * 2 ** min(subject.receives, 9))
        entry = {
            "Id": "0",
            "ReceiptHandle": subject.receipt,
            "VisibilityTimeout": 1 + int(longest * self._draw.random()),
        }
        try:
            self._sqs.change_message_visibility_batch(
                QueueUrl=queue_url(self._stage), Entries=[entry]
            )
        except (ClientError, BotoCoreError):
            return

    def _work(self, subject: Subject) -> bool:
        """Return whether a message is done."""
        try:
            if not is_valid(subject.body, subject.key):
                raise RejectedError(_INVALID)  # noqa: TRY301 - as everything else is rejected
            self._launch(subject)
        except RejectedError as found:
            return self._reject(subject, found.reason)
        except ReturnedError:
            if self._clock.time() > subject.sent_at + _EXPIRY_AGE_SECONDS:
                return self._reject(subject, "expired")
            return False
        return True

    def _reject(self, subject: Subject, reason: str) -> bool:
        first = subject.writer if self._parts.first_id_in_letter else subject.id
        texts = {
            "reason": reason,
            "error": reason,
            "messageId": first,
            "attempts": str(subject.receives + subject.earlier_receives),
            **({"key": subject.key} if subject.key else {}),
        }
        attributes = {n: {"DataType": "String", "StringValue": t} for n, t in texts.items()}
        try:
            self._sqs.send_message(
                QueueUrl=queue_url(self._stage, "dlq"),
                MessageBody=subject.body,
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    def _launch(self, subject: Subject) -> None:
        state = self._ledger.begin(subject)
        if state.launched:
            return
        content = json.loads(subject.body)
        request = dict(content.get("ECS", content))
        service = request.pop("service", None)
        if service is not None:
            try:
                found = self._ecs.describe_services(cluster=request["cluster"], services=[service])
            except (ClientError, BotoCoreError) as error:
                raise ReturnedError from error
            request["networkConfiguration"] = found["services"][0]["networkConfiguration"]
        self._attempt(subject, request, state)

    def _attempt(self, subject: Subject, request: Request, state: State) -> None:
        now = self._clock.time()
        if self._parts.pause_before_attempt and now < state.advanced_at + _PAUSE_SECONDS:
            self._ledger.forget_call(subject, state)
            raise ReturnedError
        tasks = set(state.tasks)
        age = 0.0 if state.called_at is None else now - state.called_at
        doubtful = self._parts.doubt and age > _SAFE_SECONDS
        if doubtful or (state.attempt and self._parts.list_before_attempt):
            tasks |= self._list(request, subject.key)
        if len(tasks) >= request["count"]:
            self._ledger.done(subject, tasks)
            return
        if doubtful:
            if age < _LISTED_SECONDS or not self._parts.partial_list_is_doubt:
                self._ledger.advance(subject, tasks, state)
            if state.writer not in {None, subject.writer}:
                return  # The writer's message launches, or is itself queued or a dead letter.
            raise RejectedError("outcome-unknown")
        self._call(subject, request, tasks, state)

    def _call(self, subject: Subject, request: Request, tasks: set[str], state: State) -> None:
        attempt = state.attempt if self._parts.attempt_in_token else 0
        stage = self._hash if self._parts.stage_in_token else "stage"
        call = {
            **request,
            "count": request["count"] - len(tasks),
            "startedBy": started_by(self._stage, subject.key),
            "clientToken": f"{subject.key}-{stage}-{attempt}",
        }
        try:
            answer = self._ecs.run_task(**call)
        except BotoCoreError as error:
            raise ReturnedError from error
        except ClientError as error:
            tasks |= self._tasks_of_refusal(subject, request, state, error)
        else:
            tasks |= {task["taskArn"] for task in answer["tasks"]}
        if len(tasks) < request["count"]:
            self._ledger.advance(subject, tasks, state)
        self._ledger.done(subject, tasks)

    def _tasks_of_refusal(
        self, subject: Subject, request: Request, state: State, error: ClientError
    ) -> set[str]:
        """Return the tasks that a conflict stands for."""
        answer = cast("dict[str, Any]", error.response)
        if answer["Error"]["Code"] == "ConflictException":
            if not self._parts.conflict_checks_tasks:
                return {str(number) for number in range(request["count"])}
            return set(answer.get("resourceIds", [])) | self._list(request, subject.key)
        if answer["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_ERROR_STATUS:
            raise ReturnedError from error
        self._ledger.forget_call(subject, state)
        raise ReturnedError from error

    def _list(self, request: Request, key: str) -> set[str]:
        found: set[str] = set()
        for status in ("RUNNING", "STOPPED"):
            more: dict[str, str] = {}
            while True:
                try:
                    page = self._ecs.list_tasks(
                        cluster=request["cluster"],
                        startedBy=started_by(self._stage, key),
                        desiredStatus=status,
                        **more,
                    )
                except (ClientError, BotoCoreError) as error:
                    raise ReturnedError from error
                found |= set(page["taskArns"])
                if "nextToken" not in page:
                    break
                more = {"nextToken": page["nextToken"]}
        return found


def make_reference(stage: str, **clients: Any) -> Reference:
    """Return the whole protocol."""
    return Reference(stage, Parts(), **clients)


def without(part: str) -> MakeHandler:
    """Return what makes the protocol without one of its parts."""
    parts = replace(Parts(), **cast("Mapping[str, Any]", {part: False}))

    def make(stage: str, **clients: Any) -> Reference:
        return Reference(stage, parts, **clients)

    return make
