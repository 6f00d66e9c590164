"""Two queues in memory, for redrives: what is in them survives the process that is interrupted."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError, EndpointConnectionError

from function.limits import MAX_MESSAGE_BYTES
from runtask.account import AccountSession
from runtask.redrive.letters import entry_bytes
from runtask.redrive.queue import DeadLetterQueue
from runtask.sending import handler_settings
from runtask.stage_access import StageAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.config import FunctionConfig

BODY: Final = json.dumps({"ECS": {"cluster": "batch", "taskDefinition": "report"}})

WORK: Final = "https://sqs/ecs-run-task-dev"
DEAD: Final = "https://sqs/ecs-run-task-dev-dlq-0123456"


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def attributes_of(
    reason: str = "access-denied", *, key: str = "job", **more: str
) -> dict[str, dict[str, str]]:
    """Return the attributes of a dead letter, as the handler writes them."""
    values = {
        "reason": reason,
        "error": "not allowed",
        "attempts": "3",
        "messageId": f"first-{key}",
        "redrivable": "true",
        "tasks": "0",
        "key": key,
        **more,
    }
    return {name: text(value) for name, value in values.items()}


def client_error(code: str, operation: str = "SendMessageBatch") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def lost_answer() -> EndpointConnectionError:
    return EndpointConnectionError(endpoint_url="https://sqs")


@dataclass
class FakeQueues:
    """The work queue and the dead-letter queue of a stage.

    Attributes:
        before: Is called before each call takes effect, with its name and number; may raise.
        after: The same after it has taken effect.
        refuse: Ids of entries that SendMessageBatch refuses.
        undeletable: Ids of letters that DeleteMessageBatch fails for.
    """

    fifo: bool = False
    before: Callable[[str, int], None] = lambda _name, _number: None
    after: Callable[[str, int], None] = lambda _name, _number: None
    refuse: set[str] = field(default_factory=set)
    undeletable: set[str] = field(default_factory=set)
    dead: list[dict[str, Any]] = field(default_factory=list)
    work: list[dict[str, Any]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    # Deduplication ids of the last five minutes.
    known: set[str] = field(default_factory=set)

    class exceptions:  # noqa: N801 - as boto3
        class QueueDoesNotExist(Exception):  # noqa: N818
            pass

    def letter(
        self,
        attributes: dict[str, Any],
        body: str = BODY,
        *,
        group: str | None = None,
        moved: bool = False,
    ) -> str:
        """Put a letter into the dead-letter queue, and return its id."""
        name = f"letter-{len(self.dead)}"
        system = {"SentTimestamp": str(1_790_000_000_000 + len(self.dead))}
        if group:
            system["MessageGroupId"] = group
        if moved:
            system["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-central-1:111111111111:work"
        self.dead.append(
            {
                "MessageId": name,
                "ReceiptHandle": f"receipt-{name}",
                "Body": body,
                "MessageAttributes": attributes,
                "Attributes": system,
            }
        )
        return name

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803
        return {"QueueUrl": DEAD if "-dlq" in QueueName else WORK}

    def get_queue_attributes(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        AttributeNames: list[str],  # noqa: N803
    ) -> dict[str, Any]:
        if "RedrivePolicy" in AttributeNames:
            arn = f"arn:aws:sqs:eu-central-1:111111111111:{DEAD.rpartition('/')[2]}"
            return {"Attributes": {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn})}}
        assert QueueUrl == DEAD
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.dead) - len(self.hidden)),
                "ApproximateNumberOfMessagesNotVisible": str(len(self.hidden)),
            }
        }

    def receive_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        **_options: Any,
    ) -> dict[str, Any]:
        assert QueueUrl == DEAD

        def take() -> dict[str, Any]:
            blocked = {group_of(one) for one in self.dead if one["MessageId"] in self.hidden}
            visible = [
                one
                for one in self.dead
                if one["MessageId"] not in self.hidden
                and not (self.fifo and group_of(one) in blocked)
            ][:MaxNumberOfMessages]
            self.hidden |= {one["MessageId"] for one in visible}
            return {"Messages": copy.deepcopy(visible)} if visible else {}

        return self._do("receive", take)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == WORK
        assert 1 <= len(Entries) <= 10
        assert sum(map(entry_bytes, Entries)) <= MAX_MESSAGE_BYTES

        def take() -> dict[str, Any]:
            taken = [one for one in Entries if one["Id"] not in self.refuse]
            for one in taken:
                name = one.get("MessageDeduplicationId")
                if name is None or name not in self.known:
                    self.work.append(copy.deepcopy(one))
                if name is not None:
                    self.known.add(name)
            return {
                "Successful": [{"Id": one["Id"], "MessageId": f"new-{one['Id']}"} for one in taken],
                "Failed": [
                    {"Id": one["Id"], "Code": "InvalidMessageContents", "SenderFault": True}
                    for one in Entries
                    if one["Id"] in self.refuse
                ],
            }

        return self._do("send", take)

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == DEAD

        def take() -> dict[str, Any]:
            gone = [one["Id"] for one in Entries if one["Id"] not in self.undeletable]
            self.dead = [one for one in self.dead if one["MessageId"] not in gone]
            self.hidden -= set(gone)
            return {"Successful": [{"Id": one} for one in gone]}

        return self._do("delete", take)

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[Any],  # noqa: N803
    ) -> dict[str, Any]:
        assert QueueUrl == DEAD

        def take() -> dict[str, Any]:
            assert all(one["VisibilityTimeout"] == 0 for one in Entries)
            self.hidden -= {one["Id"] for one in Entries}
            return {}

        return self._do("show", take)

    def keys(self) -> list[str]:
        """Return the keys of the messages in the work queue."""
        return [one["MessageAttributes"]["key"]["StringValue"] for one in self.work]

    def _do(self, name: str, effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        number = len(self.calls)
        self.calls.append(name)
        self.before(name, number)
        answer = effect()
        self.after(name, number)
        return answer


def group_of(message: dict[str, Any]) -> str | None:
    group: str | None = message["Attributes"].get("MessageGroupId")
    return group


@dataclass(frozen=True)
class FakeSession:
    """A session whose only service is SQS."""

    sqs: FakeQueues

    def client(self, service: str, **_options: Any) -> FakeQueues:
        assert service == "sqs"
        return self.sqs


def queue_of(fake: FakeQueues, config: FunctionConfig) -> DeadLetterQueue:
    """Return the dead-letter queue of a stage as the command sees it."""
    account = AccountSession(config=config, session=cast("Any", FakeSession(fake)), identity="me")
    access = StageAccess(config=config, account=account)
    return DeadLetterQueue(access=access, settings=handler_settings(config))
