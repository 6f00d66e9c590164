"""The floor: signed requests over `http.client`, with as many connections as the handler.

Nothing is validated, logged or counted; it does only what AWS requires.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

from function.limits import THREADS

_SERVICE: Final = "ecs"
_TARGET: Final = "AmazonEC2ContainerServiceV20141113.RunTask"
_TYPE: Final = "application/x-amz-json-1.1"
_SIGNED: Final = "content-type;host;x-amz-date;x-amz-target"


class Floor:
    """Handles a batch of ten per invocation."""

    size = 10

    def __init__(self) -> None:
        self._host = urlsplit(os.environ["AWS_ENDPOINT_URL_ECS"]).netloc
        self._region = os.environ["AWS_REGION"]
        self._access_key = os.environ["AWS_ACCESS_KEY_ID"]
        self._secret_key = os.environ["AWS_SECRET_ACCESS_KEY"]
        self._tls = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(max_workers=THREADS)
        self._key: tuple[str, bytes] = ("", b"")

    def prepare(self, number: int) -> dict[str, Any]:
        """Return the event of the batch with that number."""
        from bench import environment  # noqa: PLC0415 - not part of the measured import

        return environment.event(number * self.size, self.size)

    def work(self, event: dict[str, Any]) -> None:
        """Start the tasks of a batch."""
        list(self._pool.map(self._launch, event["Records"]))

    def _launch(self, record: dict[str, Any]) -> None:
        call = {
            **json.loads(record["body"])["ECS"],
            "count": 1,
            "startedBy": f"ecs-run-task/bench/{record['messageId']}",
            "clientToken": f"{record['messageId']}-0-0",
        }
        body = json.dumps(call).encode()
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(self._host, context=self._tls)
            self._own.connection = connection
        connection.request("POST", "/", body, self._headers(body))
        response = json.loads(connection.getresponse().read())
        if not response["tasks"]:
            raise RuntimeError(response)

    def _headers(self, body: bytes) -> dict[str, str]:
        """Return a request's headers, signed.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
        """
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{self._region}/{_SERVICE}/aws4_request"
        digest = hashlib.sha256(body).hexdigest()
        request = (
            f"POST\n/\n\ncontent-type:{_TYPE}\nhost:{self._host}\nx-amz-date:{now}\n"
            f"x-amz-target:{_TARGET}\n\n{_SIGNED}\n{digest}"
        )
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(now[:8]), text.encode(), "sha256").hex()
        return {
            "Content-Type": _TYPE,
            "X-Amz-Date": now,
            "X-Amz-Target": _TARGET,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self._access_key}/{scope},"
            f" SignedHeaders={_SIGNED}, Signature={signature}",
        }

    def _signing_key(self, day: str) -> bytes:
        known, key = self._key
        if known != day:
            key = f"AWS4{self._secret_key}".encode()
            for part in (day, self._region, _SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (day, key)
        return key


def subject() -> Floor:
    """Return the subject."""
    return Floor()
