"""Buckets, their configuration, and objects."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi

from rehearsal.engine.errors import EngineError
from rehearsal.engine.resource_types import CreateContext, Created, ResourceType

if TYPE_CHECKING:
    from rehearsal.engine.inputs import Inputs

# The one region that S3 refuses as a location constraint.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
_US_EAST_1: Final = "us-east-1"


def _bucket(context: CreateContext) -> Created:
    name = context.physical_name("bucket")
    region = context.inputs.get("region") or context.provider.region
    client = context.client("s3")
    request: dict[str, Any] = {"Bucket": name}
    if region != _US_EAST_1:
        request["CreateBucketConfiguration"] = {"LocationConstraint": region}
    if context.inputs.get("objectLockEnabled"):
        request["ObjectLockEnabledForBucket"] = True
    client.create_bucket(**request)
    if tags := context.tag_list():
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    return Created(
        name,
        {
            "bucket": name,
            "arn": f"arn:aws:s3:::{name}",
            "bucketDomainName": f"{name}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "bucketRegion": region,
        },
    )


def _policy(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    policy = context.inputs.require("policy")
    context.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return Created(bucket, {})


def _public_access_block(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    block = context.inputs.as_api(
        {
            "blockPublicAcls": "BlockPublicAcls",
            "blockPublicPolicy": "BlockPublicPolicy",
            "ignorePublicAcls": "IgnorePublicAcls",
            "restrictPublicBuckets": "RestrictPublicBuckets",
        }
    )
    client = context.client("s3")
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    return Created(bucket, {})


def _versioning(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    part = context.inputs.part("versioningConfiguration")
    names = {"status": "Status", "mfaDelete": "MFADelete"}
    context.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=part.as_api(names) if part else {}
    )
    return Created(bucket, {})


def _encryption(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    rules = []
    for rule in context.inputs.parts("rules"):
        api = rule.as_api({"bucketKeyEnabled": "BucketKeyEnabled"})
        if default := rule.part("applyServerSideEncryptionByDefault"):
            names = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}
            api["ApplyServerSideEncryptionByDefault"] = default.as_api(names)
        rules.append(api)
    context.client("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return Created(bucket, {})


def _lifecycle(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    rules = [_lifecycle_rule(rule) for rule in context.inputs.parts("rules")]
    context.client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": rules}
    )
    return Created(bucket, {})


def _lifecycle_rule(rule: Inputs) -> dict[str, Any]:
    api = rule.as_api({"id": "ID", "status": "Status", "prefix": "Prefix"})
    if part := rule.part("filter"):
        api["Filter"] = part.as_api(
            {
                "prefix": "Prefix",
                "objectSizeGreaterThan": "ObjectSizeGreaterThan",
                "objectSizeLessThan": "ObjectSizeLessThan",
            }
        )
    elif "Prefix" not in api:
        api["Filter"] = {"Prefix": ""}
    parts = {
        "expiration": {
            "days": "Days",
            "date": "Date",
            "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
        },
        "noncurrentVersionExpiration": {
            "noncurrentDays": "NoncurrentDays",
            "newerNoncurrentVersions": "NewerNoncurrentVersions",
        },
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": "DaysAfterInitiation"},
    }
    for key, names in parts.items():
        if part := rule.part(key):
            api[key[0].upper() + key[1:]] = part.as_api(names)
    return api


def _ownership(context: CreateContext) -> Created:
    bucket = context.inputs.require("bucket")
    rule = context.inputs.part("rule")
    api = rule.as_api({"objectOwnership": "ObjectOwnership"}) if rule else {}
    context.client("s3").put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [api]}
    )
    return Created(bucket, {})


def _object(context: CreateContext) -> Created:
    inputs = context.inputs
    bucket, key = inputs.require("bucket"), inputs.get("key") or context.name
    request = inputs.as_api(
        {
            "serverSideEncryption": "ServerSideEncryption",
            "kmsKeyId": "SSEKMSKeyId",
            "bucketKeyEnabled": "BucketKeyEnabled",
            "contentType": "ContentType",
            "checksumAlgorithm": "ChecksumAlgorithm",
            "metadata": "Metadata",
            "cacheControl": "CacheControl",
            "storageClass": "StorageClass",
        }
    )
    if "SSEKMSKeyId" in request:  # the provider's default
        request.setdefault("ServerSideEncryption", "aws:kms")
    answer = context.client("s3").put_object(
        Bucket=bucket, Key=key, Body=_content(inputs), **request
    )
    # Without the default tags: an object can have ten tags only.
    outputs = {
        "key": key,
        "arn": f"arn:aws:s3:::{bucket}/{key}",
        "etag": answer["ETag"].strip('"'),
        "contentType": request.get("ContentType", "application/octet-stream"),
        "storageClass": request.get("StorageClass", "STANDARD"),
        "versionId": answer.get("VersionId", ""),
    }
    if context.inputs.get("tags"):
        pairs = [{"Key": k, "Value": v} for k, v in context.inputs.get("tags").items()]
        context.client("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": pairs})
    return Created(f"{bucket}/{key}", outputs)


def _content(inputs: Inputs) -> bytes:
    source = inputs.get("source")
    text, encoded = inputs.get("content"), inputs.get("contentBase64")
    if isinstance(source, pulumi.FileAsset):
        return Path(source.path).read_bytes()
    if isinstance(source, pulumi.StringAsset):
        return source.text.encode()
    if source is not None:
        raise EngineError(
            f"the source of an S3 object is a {type(source).__name__}, expected a file or "
            "string asset"
        )
    return base64.b64decode(encoded) if encoded is not None else str(text or "").encode()


RESOURCE_TYPES: Final = (
    ResourceType(type="aws:s3/bucket:Bucket", create=_bucket, ignored=("forceDestroy",)),
    ResourceType(type="aws:s3/bucketPolicy:BucketPolicy", create=_policy, create_is_put=True),
    ResourceType(
        type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        create=_public_access_block,
        create_is_put=True,
        ignored=("skipDestroy",),
    ),
    ResourceType(
        type="aws:s3/bucketVersioning:BucketVersioning", create=_versioning, create_is_put=True
    ),
    ResourceType(
        type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        create=_encryption,
        create_is_put=True,
    ),
    ResourceType(
        type="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        create=_lifecycle,
        create_is_put=True,
    ),
    ResourceType(
        type="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        create=_ownership,
        create_is_put=True,
    ),
    ResourceType(
        type="aws:s3/bucketObjectv2:BucketObjectv2",
        create=_object,
        create_is_put=True,
        ignored=("sourceHash", "forceDestroy", "etag"),
    ),
)
