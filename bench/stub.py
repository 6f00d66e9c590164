"""An ECS that responds to every RunTask with its tasks after 40 ms, a table and queues, over TLS.

Run as `python -m bench.stub CERTIFICATE`; it prints its port and serves until its standard input
ends.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import math
import re
import ssl
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from botocore.exceptions import ClientError

from bench import environment
from tests.model.dynamodb import DynamoDbClient, Table

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

LATENCY_SECONDS: Final = 0.04

TABLE_LATENCY_SECONDS: Final = 0.008

# Returns the number of connections, tasks and calls since the last request, and forgets the items
# of the table.
COUNTS_PATH: Final = "/counts"

# Returns the bodies of the messages that were sent since the last request.
MESSAGES_PATH: Final = "/messages"

SQS_LATENCY_SECONDS: Final = 0.005

# What a write unit and a consistent read unit of DynamoDB hold.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
_WRITE_UNIT_BYTES: Final = 1024
_READ_UNIT_BYTES: Final = 4096


@functools.cache
def _tasks(count: int) -> bytes:
    """Return the answer of a RunTask call that started `count` tasks."""
    tasks = [
        {
            "taskArn": "arn:aws:ecs:eu-central-1:111111111111:task/batch/"
            f"0123456789abcdef0123456789abcd{number:02x}",
            "clusterArn": "arn:aws:ecs:eu-central-1:111111111111:cluster/batch",
            "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:7",
            "lastStatus": "PROVISIONING",
            "desiredStatus": "RUNNING",
            "launchType": "FARGATE",
            "cpu": "256",
            "memory": "512",
            "createdAt": 1_800_000_000.0,
            "group": "family:report",
            "containers": [{"name": "report", "lastStatus": "PENDING"}],
            "attachments": [],
            "overrides": {"containerOverrides": [{"name": "report"}]},
            "tags": [],
            "version": 1,
        }
        for number in range(count)
    ]
    return json.dumps({"tasks": tasks, "failures": []}).encode()


class _Direct:
    """The way to a table in this process."""

    def call(self, _operation: str, effect: Callable[[], _T]) -> _T:
        return effect()


def _table() -> DynamoDbClient:
    return DynamoDbClient(wire=cast("Any", _Direct()), table=Table(name=environment.LEDGER_TABLE))


# The operations, as they are in a header in lower case.
_TABLE_OPERATIONS: Final = ("GetItem", "PutItem", "Query", "UpdateItem")
_SENDING: Final = ("SendMessage", "SendMessageBatch")
_OPERATIONS: Final = {
    name.lower().encode(): name for name in ("RunTask", *_TABLE_OPERATIONS, *_SENDING)
}


class Stub(asyncio.Protocol):
    """One connection: HTTP/1.1 requests with a body, kept alive; parses only what it needs."""

    connections = 0
    tasks = 0
    calls: ClassVar[Counter[str]] = Counter()
    tokens: ClassVar[set[str]] = set()
    messages: ClassVar[list[str]] = []
    table = _table()

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the responses."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to each complete request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = 0
            if (start := head.find(b"content-length:")) >= 0:
                length = int(head[start + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._request(head, body)

    def _request(self, head: bytes, body: bytes) -> None:
        if COUNTS_PATH.encode() in head.split(b"\r\n", 1)[0]:
            self._respond(json.dumps(_counts()).encode())
            return
        if MESSAGES_PATH.encode() in head.split(b"\r\n", 1)[0]:
            self._respond(json.dumps(Stub.messages).encode())
            Stub.messages.clear()
            return
        target = re.search(rb"x-amz-target:\s*\w+\.(\w+)", head)
        operation = _OPERATIONS.get(target[1] if target else b"")
        if operation is None:
            self._respond(b'{"__type":"InvalidAction"}', b"400 Bad Request")
            return
        Stub.calls[operation] += 1
        if not self._counted:
            self._counted = True
            Stub.connections += 1
        parameters = json.loads(body)
        if operation == "RunTask":
            self._run_task(parameters)
        elif operation in _SENDING:
            self._send(parameters)
        else:
            self._call_table(operation, parameters)

    def _run_task(self, parameters: dict[str, Any]) -> None:
        count = int(parameters.get("count", 1))
        # The ancestor sets no client token.
        token = parameters.get("clientToken")
        if token is None or token not in Stub.tokens:
            Stub.tasks += count
            Stub.tokens.add(str(token))
        asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._respond, _tasks(count))

    def _send(self, parameters: dict[str, Any]) -> None:
        entries = parameters.get("Entries", [parameters])
        Stub.messages += [entry["MessageBody"] for entry in entries]
        Stub.calls["messages"] += len(entries)
        sent = [
            {
                "Id": entry.get("Id", "0"),
                "MessageId": "0",
                "MD5OfMessageBody": hashlib.md5(
                    entry["MessageBody"].encode(), usedforsecurity=False
                ).hexdigest(),
            }
            for entry in entries
        ]
        answer = {"Successful": sent, "Failed": []} if "Entries" in parameters else sent[0]
        content = json.dumps(answer).encode()
        asyncio.get_running_loop().call_later(SQS_LATENCY_SECONDS, self._respond, content)

    def _call_table(self, operation: str, parameters: dict[str, Any]) -> None:
        call = {
            "GetItem": Stub.table.get_item,
            "PutItem": Stub.table.put_item,
            "Query": Stub.table.query,
            "UpdateItem": Stub.table.update_item,
        }[operation]
        key = parameters.get("Key", parameters.get("Item", {})).get("key", {}).get("S", "")
        before = dict(Stub.table.table.items.get(key, {}))
        status = b"200 OK"
        try:
            answer: Any = call(**parameters)
        except ClientError as error:
            response: Any = error.response
            status = b"400 Bad Request"
            answer = {"__type": response["Error"]["Code"], "Item": response.get("Item")}
        _count_units(operation, before, Stub.table.table.items.get(key, {}))
        content = json.dumps(answer).encode()
        loop = asyncio.get_running_loop()
        loop.call_later(TABLE_LATENCY_SECONDS, self._respond, content, status)

    _counted = False

    def _respond(self, body: bytes, status: bytes = b"200 OK") -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: application/x-amz-json-1.1\r\n"
                b"x-amzn-RequestId: 0\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
            )


def _count_units(operation: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Count the units that a call takes: of the item, and of the index that has its keys alone.

    A changed key of the index is a deletion and an insertion there. A query is one unit.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
    """
    if operation in {"GetItem", "Query"}:
        Stub.calls["read units"] += math.ceil(max(_size(before), 1) / _READ_UNIT_BYTES)
        return
    size = max(_size(before), _size(after), 1)
    Stub.calls["write units"] += math.ceil(size / _WRITE_UNIT_BYTES)
    listed = [(item.get("listed"), item.get("listed_at")) for item in (before, after)]
    if listed[0] != listed[1]:
        Stub.calls["write units"] += sum(entry[0] is not None for entry in listed)


def _size(item: dict[str, Any]) -> int:
    return sum(len(name) + len(json.dumps(value)) for name, value in item.items())


def _counts() -> dict[str, Any]:
    """Return the counts, and begin anew."""
    counts = {
        "connections": Stub.connections,
        "tasks": Stub.tasks,
        "calls": dict(Stub.calls),
    }
    Stub.connections = Stub.tasks = 0
    Stub.calls.clear()
    Stub.tokens.clear()
    Stub.messages.clear()
    Stub.table = _table()
    return counts


async def serve(certificate: str) -> None:
    """Serve on 127.0.0.1 until the standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent process reads it
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
