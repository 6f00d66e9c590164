"""The permissions that S3 asks for: on an object, on its bucket, and on the key that encrypts it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator.request import Request

_KEY_HEADER: Final = "x-amz-server-side-encryption-aws-kms-key-id"

# Headers that are condition keys by the same name.
_CONDITIONS: Final = (_KEY_HEADER, "if-match", "if-none-match")


def put_object(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check a write with the keys of its headers, and the key that encrypts the object."""
    bucket, _, _ = request.path.lstrip("/").partition("/")
    given = {f"s3:{name}": request.headers[name] for name in _CONDITIONS if name in request.headers}
    context = {**asked.context, **given, "s3:ObjectCreationOperation": _creates_object(request)}
    yield PermissionCheck(asked.action, asked.resource, context)
    if owner := ministack_internals.bucket_owner(bucket):
        with ministack_internals.request_scope(owner, request.region):
            default = ministack_internals.default_encryption(bucket).get(_KEY_HEADER)
        yield from _use_key(request, request.headers.get(_KEY_HEADER) or default, "GenerateDataKey")


def get_object(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check a read, whether the caller learns that the object is missing, and the object's key."""
    yield asked
    bucket, _, key = request.path.lstrip("/").partition("/")
    name = urllib.parse.unquote(key)
    found = (
        ministack_internals.buckets.get_scoped(
            ministack_internals.bucket_owner(bucket), None, bucket
        )
        or {}
    )
    stored = found.get("objects", {}).get(name) or {}
    if not stored:
        # Only a caller that may list the bucket learns that an object does not exist.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        yield PermissionCheck("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    used = stored.get("preserved_headers", {}).get(_KEY_HEADER)
    yield from _use_key(request, used, "Decrypt")


def _creates_object(request: Request) -> str:
    """Return whether a write makes an object; the steps of a multipart upload but the last do not.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    step = "uploads" in request.query or "partNumber" in request.query
    return "false" if step else "true"


def _use_key(request: Request, key: str | None, action: str) -> Iterator[PermissionCheck]:
    """Check the key, for a context that names the object or, with a bucket key, the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    if key and key.startswith("arn:"):
        bucket, _, name = urllib.parse.unquote(request.path).lstrip("/").partition("/")
        owner = ministack_internals.bucket_owner(bucket) or request.account
        with ministack_internals.request_scope(owner, request.region):
            encryption = str(ministack_internals.s3._bucket_encryption.get(bucket))  # noqa: SLF001 - see ministack_internals
        by_bucket = "BucketKeyEnabled>true<" in encryption
        context = {
            "kms:ViaService": f"s3.{request.region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"
            + ("" if by_bucket else f"/{name}"),
        }
        yield PermissionCheck(f"kms:{action}", key, context)
