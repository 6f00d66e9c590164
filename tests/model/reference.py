"""The protocol alone: the smallest handler that keeps the promise, without pace and politeness.

It shows that the invariants can be kept under every reading, so that what the model finds in the
product's handler is the handler's. Its parts can be taken out one by one (`Parts`): the model has
to find each one missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import failure_of_answer, failure_of_error
from function.failures.reasons import PermanentFailure
from function.message.builder import complete, read
from function.message.idempotency import key_of, started_by
from function.message.lookups import Lookups
from function.message.parsing import parse
from function.settings import Settings
from function.sqs.record import records_of
from tests.model.application import queue_url, table_name, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.message.request import Request
    from function.sqs.record import Record

# A token lives for at least an hour from its task's creation, and ListTasks shows a task for as
# long: up to SAFE a token is replayed, up to LISTED the list is complete.
_SAFE_SECONDS: Final = 3000.0
_LISTED_SECONDS: Final = 3500.0
_KEPT_SECONDS: Final = 14 * 24 * 3600
_LAST_SECONDS: Final = 3600.0
_MAX_BACKOFF_SECONDS: Final = 900.0

# For so long a task may stay unlisted that started although failures were answered.
_PAUSE_SECONDS: Final = 2.0
_LONG_AGO: Final = 1.0
_MANY: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the protocol is made of; each can be left out."""

    stage_in_token: bool = True
    attempt_in_token: bool = True
    conditional_write: bool = True
    list_before_attempt: bool = True
    request_hash: bool = True
    keyed_waits_for_table: bool = True
    redelivery_waits_for_table: bool = True
    doubt: bool = True
    partial_list_is_doubt: bool = True
    first_receive: bool = True
    joined_call_keeps_intent: bool = True
    conflict_checks_tasks: bool = True
    pause_before_attempt: bool = True
    redrive_is_doubt: bool = True
    first_id_in_letter: bool = True


class _ReturnedError(Exception):
    """The message goes back to the queue."""


class _RejectedError(Exception):
    """The message goes to the dead-letter queue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(kw_only=True)
class _State:
    """What is known of a key.

    Attributes:
        attempt: of the token chain.
        tasks: ARNs that are known.
        called_at: since then a call may have been made of which no answer is recorded.
        writer: the message that wrote the item, None without one.
        joined: deliveries that wrote their intent for this attempt.
        alone: nobody else may have a call of this attempt in flight.
        launched: all tasks are known to have been started.
        advanced_at: when the attempt began.
    """

    attempt: int = 0
    tasks: set[str] = field(default_factory=set)
    called_at: float | None = None
    writer: str | None = None
    joined: int = 0
    alone: bool = True
    launched: bool = False
    advanced_at: float = 0.0


class Reference:
    """A handler."""

    def __init__(self, stage: str, parts: Parts, **clients: Any) -> None:  # noqa: ANN401
        self._parts = parts
        self._ecs, self._sqs, self._table = (clients[n] for n in ("ecs", "sqs", "dynamodb"))
        self._clock, self._draw = clients["clock"], clients["draw"]
        self._settings = Settings.from_environment(variables(stage, 20.0, 2))
        self._lookups = Lookups(self._ecs, self._clock, 1.0)
        self._stage = stage
        self._first_received: dict[str, float] = {}
        self._hash = hashlib.sha256(f"{stage} 111111111111 eu-central-1".encode()).hexdigest()[:8]

    def handle(self, event: object, _context: object) -> dict[str, Any]:
        """Work a batch."""
        for record in cast("Any", event)["Records"]:
            first = int(record["attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
            self._first_received[record["messageId"]] = first
        kept = [record for record in records_of(event) if not self._work(record)]
        for record in kept:
            longest = min(_MAX_BACKOFF_SECONDS, 2.0 * 2 ** min(record.receives, 9))
            entry = {
                "Id": "0",
                "ReceiptHandle": record.receipt_handle,
                "VisibilityTimeout": 1 + int(longest * self._draw.random()),
            }
            try:
                self._sqs.change_message_visibility_batch(
                    QueueUrl=queue_url(self._stage), Entries=[entry]
                )
            except (ClientError, BotoCoreError):
                continue
        return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in kept]}

    def _work(self, record: Record) -> bool:
        """Return whether a message is done."""
        try:
            self._launch(record)
        except _RejectedError as found:
            return self._reject(record, found.reason)
        except PermanentFailure as found:
            return self._reject(record, found.reason)
        except _ReturnedError:
            pass
        else:
            return True
        age = self._clock.time() - record.sent_at
        if age > self._settings.queue_retention_seconds - _LAST_SECONDS:
            return self._reject(record, "expired")
        return False

    def _reject(self, record: Record, reason: str) -> bool:
        first = _writer(record) if self._parts.first_id_in_letter else record.message_id
        receives = str(record.receives + _earlier_receives(record))
        texts = {"reason": reason, "error": reason, "messageId": first, "attempts": receives}
        sent = {name: value for name, value in record.attributes.items() if name not in texts}
        if "key" not in sent:
            texts["key"] = record.message_id
        ours = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
        if not sent.get("key", {"StringValue": "x"}).get("StringValue"):
            del sent["key"]
        try:
            self._sqs.send_message(
                QueueUrl=queue_url(self._stage, "dlq"),
                MessageBody=record.body,
                MessageAttributes={**sent, **ours},
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    def _launch(self, record: Record) -> None:
        key = key_of(record)
        request = read(record.body, self._settings)
        content = json.dumps(parse(record.body), sort_keys=True)
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        state = self._begin(record, key, fingerprint, request)
        if state.launched:
            return
        try:
            request = complete(request, self._lookups)
        except PermanentFailure:
            raise
        except Exception as error:
            raise _ReturnedError from error
        self._attempt(record, key, fingerprint, request, state)

    # --- The table

    def _begin(self, record: Record, key: str, fingerprint: str, request: Request) -> _State:
        """Write down that a call is about to be made, and return what is known before it."""
        keyed = "key" in record.attributes
        first = record.receives == 1
        if self._parts.redrive_is_doubt:
            first = record.receives + _earlier_receives(record) == 1
        if first and not keyed:
            return _State()
        now = self._clock.time()
        if first or (record.receives == 1 and "messageId" not in record.attributes):
            item: dict[str, Any] = {
                "key": {"S": key},
                "request": {"S": fingerprint},
                "attempt": _number(0),
                "tasks": {"L": []},
                "called_at": _number(now),
                "unseen_at": _number(0),
                "joined": _number(1),
                "message_id": {"S": _writer(record)},
                "expires": _number(int(now) + _KEPT_SECONDS),
            }
            try:
                self._table.put_item(
                    TableName=table_name(self._stage),
                    Item=item,
                    ConditionExpression="attribute_not_exists(#key) OR expires < :now",
                    ExpressionAttributeNames={"#key": "key"},
                    ExpressionAttributeValues={":now": _number(int(now))},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    if self._parts.keyed_waits_for_table:
                        raise _ReturnedError from error
                    return _State(called_at=now)
                # The item of another message, or of this one where the client tried twice.
            except BotoCoreError as error:
                if self._parts.keyed_waits_for_table:
                    raise _ReturnedError from error
                return _State(called_at=now)
            else:
                return _State(called_at=now, writer=_writer(record), joined=1)
        try:
            return self._join(record, key, fingerprint, request, now)
        except (ClientError, BotoCoreError) as error:
            if self._parts.redelivery_waits_for_table or isinstance(error, _ReturnedError):
                raise _ReturnedError from error
            return _State()

    def _join(
        self, record: Record, key: str, fingerprint: str, request: Request, now: float
    ) -> _State:
        """Read the item and write the intent, in one call."""
        unseen = 0.0
        if _earlier_receives(record) > 1 and self._parts.redrive_is_doubt:
            # An earlier delivery may have made a call without the table, long ago.
            unseen = _LONG_AGO
        elif record.receives > 1 and self._parts.first_receive:
            # The first delivery may have made a call without the table.
            unseen = self._first_received[record.message_id]
        call: dict[str, Any] = {
            "TableName": table_name(self._stage),
            "Key": {"key": {"S": key}},
            "UpdateExpression": (
                "SET #request = if_not_exists(#request, :request),"
                " attempt = if_not_exists(attempt, :zero), tasks = if_not_exists(tasks, :none),"
                " called_at = if_not_exists(called_at, :now),"
                " unseen_at = if_not_exists(unseen_at, :unseen),"
                " joined = if_not_exists(joined, :zero) + :one,"
                " message_id = if_not_exists(message_id, :message), expires = :expires"
            ),
            "ConditionExpression": "attribute_not_exists(#request) OR #request = :request",
            "ExpressionAttributeNames": {"#request": "request"},
            "ExpressionAttributeValues": {
                ":request": {"S": fingerprint},
                ":zero": _number(0),
                ":one": _number(1),
                ":none": {"L": []},
                ":now": _number(now),
                ":unseen": _number(unseen),
                ":message": {"S": _writer(record)},
                ":expires": _number(int(now) + _KEPT_SECONDS),
            },
            "ReturnValues": "ALL_NEW",
        }
        if not self._parts.request_hash:
            del call["ConditionExpression"]
        try:
            item = self._table.update_item(**call)["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise _RejectedError("key-reused") from None
            raise
        called_at = float(item["called_at"]["N"])
        unseen = float(item["unseen_at"]["N"])
        tasks = {value["S"] for value in item["tasks"]["L"]}
        return _State(
            attempt=int(item["attempt"]["N"]),
            tasks=tasks,
            called_at=min(called_at, unseen) if unseen else called_at,
            writer=item["message_id"]["S"],
            joined=int(item["joined"]["N"]),
            alone=called_at == float(f"{now:.3f}") and not unseen,
            launched="launched" in item,
            advanced_at=float(item["advanced_at"]["N"]) if "advanced_at" in item else 0.0,
        )

    def _advance(
        self, record: Record, key: str, fingerprint: str, tasks: set[str], state: _State
    ) -> None:
        """Let the next attempt begin: the answer of this one is known.

        Raises:
            _ReturnedError: always; the next attempt belongs to the next delivery.
        """
        condition = "attribute_not_exists(#key) OR attempt = :attempt"
        self._write(
            key,
            "SET attempt = :next, tasks = :tasks, #request = if_not_exists(#request, :request),"
            " message_id = if_not_exists(message_id, :message), unseen_at = :zero,"
            " expires = :expires, joined = :zero, advanced_at = :now REMOVE called_at",
            condition if self._parts.conditional_write else "attribute_not_exists(nothing)",
            {
                ":next": _number(state.attempt + 1),
                ":now": _number(self._clock.time()),
                ":tasks": {"L": [{"S": arn} for arn in sorted(tasks)]},
                ":request": {"S": fingerprint},
                ":message": {"S": _writer(record)},
                ":zero": _number(0),
                ":expires": _number(int(self._clock.time()) + _KEPT_SECONDS),
                **({":attempt": _number(state.attempt)} if self._parts.conditional_write else {}),
            },
        )
        raise _ReturnedError

    def _forget_call(self, record: Record, key: str, state: _State) -> None:
        """Remove the intent: the call was refused, and it was the only one."""
        if record.receives == 1 and "key" not in record.attributes:
            return
        if not state.alone and self._parts.joined_call_keeps_intent:
            return
        keeps = self._parts.joined_call_keeps_intent
        condition = "attempt = :attempt AND joined = :joined" if keeps else "attempt = :attempt"
        self._write(
            key,
            "SET unseen_at = :zero REMOVE called_at",
            condition,
            {
                ":zero": _number(0),
                ":attempt": _number(state.attempt),
                **({":joined": _number(state.joined)} if keeps else {}),
            },
        )

    def _write(self, key: str, update: str, condition: str, values: dict[str, Any]) -> None:
        names = {"#key": "key", "#request": "request"}
        used = f"{update} {condition}"
        try:
            self._table.update_item(
                TableName=table_name(self._stage),
                Key={"key": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={n: v for n, v in names.items() if n in used} or None,
                ExpressionAttributeValues=values,
            )
        except (ClientError, BotoCoreError) as error:
            raise _ReturnedError from error

    def _done(self, record: Record, key: str, tasks: set[str]) -> None:
        """Remember that everything is launched, where the item is there anyway."""
        if record.receives == 1:
            return
        with contextlib.suppress(_ReturnedError):
            self._write(
                key,
                "SET launched = :true, tasks = :tasks REMOVE called_at",
                "attribute_exists(#key)",
                {
                    ":true": {"BOOL": True},
                    ":tasks": {"L": [{"S": arn} for arn in sorted(tasks)]},
                },
            )

    # --- ECS

    def _attempt(  # noqa: PLR0913 - of one message
        self, record: Record, key: str, fingerprint: str, request: Request, state: _State
    ) -> None:
        now = self._clock.time()
        if now < state.advanced_at + _PAUSE_SECONDS and self._parts.pause_before_attempt:
            self._forget_call(record, key, state)
            raise _ReturnedError
        tasks = set(state.tasks)
        age = 0.0 if state.called_at is None else now - state.called_at
        doubtful = self._parts.doubt and age > _SAFE_SECONDS
        if (state.attempt and self._parts.list_before_attempt) or doubtful:
            tasks |= self._list(request, key)
        if len(tasks) >= request.count:
            self._done(record, key, tasks)
            return
        if doubtful:
            complete_list = age < _LISTED_SECONDS or not self._parts.partial_list_is_doubt
            if complete_list:
                self._advance(record, key, fingerprint, tasks, state)
            if state.writer != _writer(record) and state.writer is not None:
                return  # The writer's message launches, or is itself queued or a dead letter.
            raise _RejectedError("outcome-unknown")
        attempt = state.attempt if self._parts.attempt_in_token else 0
        stage = self._hash if self._parts.stage_in_token else "stage"
        call = {
            **request.parameters,
            "count": request.count - len(tasks),
            "startedBy": started_by(self._stage, key),
            "clientToken": f"{key}-{stage}-{attempt}",
        }
        try:
            answer = self._ecs.run_task(**call)
        except BotoCoreError as error:
            raise _ReturnedError from error
        except ClientError as error:
            self._refused(record, key, fingerprint, request, state, tasks, error)
            return
        tasks |= {task["taskArn"] for task in answer["tasks"]}
        if len(tasks) < request.count:
            failure_of_answer(answer["failures"])
            self._advance(record, key, fingerprint, tasks, state)
        self._done(record, key, tasks)

    def _refused(  # noqa: PLR0913 - of one message
        self,
        record: Record,
        key: str,
        fingerprint: str,
        request: Request,
        state: _State,
        tasks: set[str],
        error: ClientError,
    ) -> None:
        answer = cast("dict[str, Any]", error.response)
        if answer["Error"]["Code"] == "ConflictException":
            if not self._parts.conflict_checks_tasks:
                return
            tasks |= set(answer.get("resourceIds", [])) | self._list(request, key)
            if len(tasks) < request.count:
                self._advance(record, key, fingerprint, tasks, state)
            return
        if answer["ResponseMetadata"]["HTTPStatusCode"] >= 500:  # noqa: PLR2004
            raise _ReturnedError from error
        found = failure_of_error(error)
        self._forget_call(record, key, state)
        if isinstance(found, PermanentFailure):
            raise found
        raise _ReturnedError from error

    def _list(self, request: Request, key: str) -> set[str]:
        found: set[str] = set()
        for status in ("RUNNING", "STOPPED"):
            more: dict[str, str] = {}
            while True:
                try:
                    page = self._ecs.list_tasks(
                        cluster=request.cluster,
                        startedBy=started_by(self._stage, key),
                        desiredStatus=status,
                        **more,
                    )
                except (ClientError, BotoCoreError) as error:
                    raise _ReturnedError from error
                found |= set(page["taskArns"])
                if "nextToken" not in page:
                    break
                more = {"nextToken": page["nextToken"]}
        return found


def make_reference(stage: str, **clients: Any) -> Reference:  # noqa: ANN401
    """Return the whole protocol."""
    return Reference(stage, Parts(), **clients)


def without(part: str) -> Any:  # noqa: ANN401 - a maker of handlers
    """Return what makes the protocol without one of its parts."""
    parts = replace(Parts(), **cast("Mapping[str, Any]", {part: False}))

    def make(stage: str, **clients: Any) -> Reference:  # noqa: ANN401
        return Reference(stage, parts, **clients)

    return make


def _writer(record: Record) -> str:
    """Return the id that a message had before it was redriven."""
    carried = record.attributes.get("messageId", {}).get("StringValue")
    return record.message_id if carried is None else str(carried)


def _earlier_receives(record: Record) -> int:
    """Return how often the message had been received before it was redriven."""
    if "messageId" not in record.attributes:
        return 0
    # What SQS moved does not say it: often.
    return int(record.attributes.get("attempts", {}).get("StringValue", _MANY))


def _number(value: float) -> dict[str, str]:
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}
