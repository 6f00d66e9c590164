"""Stores payloads in the stage's bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from __future__ import annotations

import base64
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import RetryableFailure

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from function.clock import Clock
    from function.message.payload import Payload

# The codes of S3's errors. What else a response says is not quoted.
_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,64}")


@dataclass(frozen=True, kw_only=True)
class PayloadStore:
    """The bucket for payloads.

    Attributes:
        s3: A client.
        account: The account that owns the bucket.
        clock: Its `monotonic` is used.
    """

    s3: S3Client
    account: str
    clock: Clock = time

    def store(self, payload: Payload, key: str, deadline: float) -> None:
        """Store a payload; a second time makes the same object.

        Args:
            payload: With a bucket.
            key: The message's idempotency key.
            deadline: In monotonic time; there is no time to launch after it.

        Raises:
            RetryableFailure: `payload-unavailable`, if S3 does not take it; `not-attempted`, if no
                time is left to launch.
        """
        self._check(deadline)
        try:
            self.s3.put_object(
                Bucket=payload.bucket or "",
                Key=payload.object_key(key),
                Body=payload.content,
                ContentType=payload.content_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(payload.sha256)).decode(),
                ExpectedBucketOwner=self.account,
            )
        except (ClientError, BotoCoreError) as error:
            raise RetryableFailure(
                "payload-unavailable", f"S3 did not take the payload: {_cause(error)}"
            ) from None
        self._check(deadline)

    def _check(self, deadline: float) -> None:
        if self.clock.monotonic() >= deadline:
            raise RetryableFailure(
                "not-attempted", "no time was left in the invocation to store a payload and launch"
            )


def _cause(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if _CODE.fullmatch(code):
            return code
    return type(error).__name__
