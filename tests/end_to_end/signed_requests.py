"""Raw HTTP requests to the embedded AWS, signed as its clients sign theirs."""

from __future__ import annotations

import http.client
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tests.end_to_end.ecs_calls import ACCOUNT, REGION

if TYPE_CHECKING:
    from rehearsal.emulator import Credentials, Emulator


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the embedded AWS.

    Attributes:
        status: The HTTP status.
        headers: The headers, by lower-case name.
        text: The body.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


def sign(request: AWSRequest, credentials: Credentials, service: str = "ecs") -> dict[str, str]:
    """Return the headers of a request with its signature."""
    known = BotocoreCredentials(
        credentials.access_key, credentials.secret_key, credentials.token or None
    )
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(known, service, REGION).add_auth(request)
    return dict(request.prepare().headers.items())


def exchange(
    emulator: Emulator, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> Answer:
    """Send a request as it is, and return the answer."""
    connection = http.client.HTTPConnection(
        urllib.parse.urlsplit(emulator.endpoint).netloc, timeout=10
    )
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=found, text=response.read().decode())
    finally:
        connection.close()


def get(emulator: Emulator, path: str, account: str = ACCOUNT) -> Answer:
    """Send a signed GET request as an account's root user, and return the answer."""
    request = AWSRequest("GET", f"{emulator.endpoint}{path}")
    return exchange(emulator, "GET", path, sign(request, emulator.root(account), "sqs"))
