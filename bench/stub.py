"""An ECS that responds to every RunTask with a task after 40 ms, over TLS.

Run as `python -m bench.stub CERTIFICATE`; it prints its port and serves until its standard input
ends.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import Final

LATENCY_SECONDS: Final = 0.04

# Returns the number of connections and of tasks since the last request.
COUNTS_PATH: Final = "/counts"

_TASK: Final = json.dumps(
    {
        "tasks": [
            {
                "taskArn": "arn:aws:ecs:eu-central-1:111111111111:task/batch/"
                "0123456789abcdef0123456789abcdef",
                "clusterArn": "arn:aws:ecs:eu-central-1:111111111111:cluster/batch",
                "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111111111111:"
                "task-definition/report:7",
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
        ],
        "failures": [],
    }
).encode()


class Stub(asyncio.Protocol):
    """One connection: HTTP/1.1 requests with a body, kept alive; parses only what it needs."""

    connections = 0
    tasks = 0

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
            self._buffer = self._buffer[end + 4 + length :]
            self._request(head)

    def _request(self, head: bytes) -> None:
        if COUNTS_PATH.encode() in head.split(b"\r\n", 1)[0]:
            counts = {"connections": Stub.connections, "tasks": Stub.tasks}
            Stub.connections = Stub.tasks = 0
            self._respond(json.dumps(counts).encode())
            return
        if b".runtask" not in head:
            self._respond(b'{"__type":"InvalidAction"}', b"400 Bad Request")
            return
        if not self._counted:
            self._counted = True
            Stub.connections += 1
        Stub.tasks += 1
        asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._respond, _TASK)

    _counted = False

    def _respond(self, body: bytes, status: bytes = b"200 OK") -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: application/x-amz-json-1.1\r\n"
                b"x-amzn-RequestId: 0\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
            )


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
