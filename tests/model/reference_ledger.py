"""The table's part of the bare protocol: what is written before a call, and after its answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tests.model.application import table_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.model.clock import Clock
    from tests.model.dynamodb import DynamoDbClient

_KEPT_SECONDS: Final = 14 * 24 * 3600
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


class ReturnedError(Exception):
    """The message goes back to the queue."""


class RejectedError(Exception):
    """The message goes to the dead-letter queue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A delivery, and what identifies what it asks for.

    Attributes:
        id: of the message.
        receipt: of the delivery.
        body: the text.
        receives: how often the message was delivered, this time included.
        sent_at: in seconds since 1970.
        first_received_at: when SQS first delivered it, in seconds since 1970.
        attributes: of the message, as texts.
        key: of the message.
        fingerprint: hash of the request.
    """

    id: str
    receipt: str
    body: str
    receives: int
    sent_at: float
    first_received_at: float
    attributes: dict[str, str]
    key: str
    fingerprint: str

    @property
    def keyed(self) -> bool:
        """Whether the sender, or a redrive, set the key."""
        return "key" in self.attributes

    @property
    def writer(self) -> str:
        """The id that the message had before it was redriven."""
        return self.attributes.get("messageId", self.id)

    @property
    def earlier_receives(self) -> int:
        """How often the message had been received before it was redriven."""
        if "messageId" not in self.attributes:
            return 0
        # What SQS moved does not say it: often.
        return int(self.attributes.get("attempts", _MANY))


def subject_of(record: Mapping[str, Any]) -> Subject:
    """Return what a record of an event is."""
    system = record["attributes"]
    attributes = {
        name: str(value.get("stringValue")) for name, value in record["messageAttributes"].items()
    }
    try:
        content = json.loads(record["body"])
        # The same request with the wrapper and without.
        content = content.get("ECS", content)
    except (AttributeError, ValueError):
        content = record["body"]
    text = json.dumps(content, sort_keys=True)
    return Subject(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        receives=int(system["ApproximateReceiveCount"]),
        sent_at=int(system["SentTimestamp"]) / 1000,
        first_received_at=int(system["ApproximateFirstReceiveTimestamp"]) / 1000,
        attributes=attributes,
        key=attributes.get("key", record["messageId"]),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )


@dataclass(kw_only=True)
class State:
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


class Ledger:
    """The table, as the protocol uses it."""

    def __init__(self, stage: str, table: DynamoDbClient, clock: Clock, parts: Parts) -> None:
        self._name = table_name(stage)
        self._table = table
        self._clock = clock
        self._parts = parts

    def begin(self, subject: Subject) -> State:
        """Write down that a call is about to be made, and return what is known before it.

        Raises:
            ReturnedError: the table does not answer.
            RejectedError: the key is of another request.
        """
        receives = subject.receives
        redriven = subject.earlier_receives > 1 and self._parts.redrive_is_doubt
        first = receives == 1 and not redriven
        if first and not subject.keyed:
            return State()
        if first:
            now = self._clock.time()
            try:
                return self._put(subject, now)
            except ClientError as error:
                # The item of another message, or of this one where the client tried twice.
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    return self._without_table(error, now, waits=self._parts.keyed_waits_for_table)
            except BotoCoreError as error:
                return self._without_table(error, now, waits=self._parts.keyed_waits_for_table)
        try:
            return self._join(subject, redriven=redriven)
        except (ClientError, BotoCoreError) as error:
            waits = self._parts.redelivery_waits_for_table
            return self._without_table(error, None, waits=waits)

    def _without_table(self, error: Exception, now: float | None, *, waits: bool) -> State:
        if waits:
            raise ReturnedError from error
        return State(called_at=now)

    def _put(self, subject: Subject, now: float) -> State:
        item: dict[str, Any] = {
            "key": {"S": subject.key},
            "request": {"S": subject.fingerprint},
            "attempt": _number(0),
            "tasks": {"L": []},
            "called_at": _number(now),
            "unseen_at": _number(0),
            "joined": _number(1),
            "message_id": {"S": subject.writer},
            "expires": _number(int(now) + _KEPT_SECONDS),
        }
        self._table.put_item(
            TableName=self._name,
            Item=item,
            ConditionExpression="attribute_not_exists(#key) OR expires < :now",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":now": _number(int(now))},
        )
        return State(called_at=now, writer=subject.writer, joined=1)

    def _join(self, subject: Subject, *, redriven: bool) -> State:
        """Read the item and write the intent, in one call."""
        now = self._clock.time()
        unseen = 0.0
        if redriven:
            # An earlier delivery may have made a call without the table, long ago.
            unseen = _LONG_AGO
        elif subject.receives > 1 and self._parts.first_receive:
            # The first delivery may have made a call without the table.
            unseen = subject.first_received_at
        call: dict[str, Any] = {
            "TableName": self._name,
            "Key": {"key": {"S": subject.key}},
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
                ":request": {"S": subject.fingerprint},
                ":zero": _number(0),
                ":one": _number(1),
                ":none": {"L": []},
                ":now": _number(now),
                ":unseen": _number(unseen),
                ":message": {"S": subject.writer},
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
                raise RejectedError("key-reused") from None
            raise
        called_at = float(item["called_at"]["N"])
        unseen = float(item["unseen_at"]["N"])
        return State(
            attempt=int(item["attempt"]["N"]),
            tasks={value["S"] for value in item["tasks"]["L"]},
            called_at=min(called_at, unseen) if unseen else called_at,
            writer=item["message_id"]["S"],
            joined=int(item["joined"]["N"]),
            alone=called_at == float(f"{now:.3f}") and not unseen,
            launched="launched" in item,
            advanced_at=float(item.get("advanced_at", _number(0))["N"]),
        )

    def advance(self, subject: Subject, tasks: set[str], state: State) -> None:
        """Let the next attempt begin: the answer of this one is known.

        Raises:
            ReturnedError: always; the next attempt belongs to the next delivery.
        """
        now = self._clock.time()
        condition = "attribute_not_exists(nothing)"
        values = {}
        if self._parts.conditional_write:
            condition = "attribute_not_exists(#key) OR attempt = :attempt"
            values = {":attempt": _number(state.attempt)}
        self._update(
            subject.key,
            "SET attempt = :next, tasks = :tasks, #request = if_not_exists(#request, :request),"
            " message_id = if_not_exists(message_id, :message), unseen_at = :zero,"
            " expires = :expires, joined = :zero, advanced_at = :now REMOVE called_at",
            condition,
            {
                **values,
                ":next": _number(state.attempt + 1),
                ":now": _number(now),
                ":tasks": _list(tasks),
                ":request": {"S": subject.fingerprint},
                ":message": {"S": subject.writer},
                ":zero": _number(0),
                ":expires": _number(int(now) + _KEPT_SECONDS),
            },
        )
        raise ReturnedError

    def forget_call(self, subject: Subject, state: State) -> None:
        """Remove the intent: the call was refused, and it was the only one.

        Raises:
            ReturnedError: the table does not answer, or somebody joined meanwhile.
        """
        keeps = self._parts.joined_call_keeps_intent
        unwritten = subject.receives == 1 and not subject.keyed
        if unwritten or (keeps and not state.alone):
            return
        self._update(
            subject.key,
            "SET unseen_at = :zero REMOVE called_at",
            "attempt = :attempt AND joined = :joined" if keeps else "attempt = :attempt",
            {
                ":zero": _number(0),
                ":attempt": _number(state.attempt),
                **({":joined": _number(state.joined)} if keeps else {}),
            },
        )

    def done(self, subject: Subject, tasks: set[str]) -> None:
        """Remember that everything is launched, where the item is there anyway."""
        if subject.receives == 1:
            return
        with contextlib.suppress(ReturnedError):
            self._update(
                subject.key,
                "SET launched = :true, tasks = :tasks REMOVE called_at",
                "attribute_exists(#key)",
                {":true": {"BOOL": True}, ":tasks": _list(tasks)},
            )

    def _update(self, key: str, update: str, condition: str, values: dict[str, Any]) -> None:
        names = {"#key": "key", "#request": "request"}
        used = f"{update} {condition}"
        try:
            self._table.update_item(
                TableName=self._name,
                Key={"key": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={n: v for n, v in names.items() if n in used} or None,
                ExpressionAttributeValues=values,
            )
        except (ClientError, BotoCoreError) as error:
            raise ReturnedError from error


def _list(tasks: set[str]) -> dict[str, Any]:
    return {"L": [{"S": arn} for arn in sorted(tasks)]}


def _number(value: float) -> dict[str, str]:
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}
