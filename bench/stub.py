"""An ECS that responds to every RunTask with its tasks after 40 ms, and a ledger table, over TLS.

Run as `python -m bench.stub CERTIFICATE`; it prints its port and serves until its standard input
ends.
"""

from __future__ import annotations

import asyncio
import functools
import json
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
_OPERATIONS: Final = {name.lower().encode(): name for name in ("RunTask", "PutItem", "UpdateItem")}


class Stub(asyncio.Protocol):
    """One connection: HTTP/1.1 requests with a body, kept alive; parses only what it needs."""

    connections = 0
    tasks = 0
    calls: ClassVar[Counter[str]] = Counter()
    tokens: ClassVar[set[str]] = set()
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

    def _call_table(self, operation: str, parameters: dict[str, Any]) -> None:
        call = {"PutItem": Stub.table.put_item, "UpdateItem": Stub.table.update_item}[operation]
        status = b"200 OK"
        try:
            answer: Any = call(**parameters)
        except ClientError as error:
            response: Any = error.response
            status = b"400 Bad Request"
            answer = {"__type": response["Error"]["Code"], "Item": response.get("Item")}
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
