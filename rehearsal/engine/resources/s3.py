"""Buckets, their configuration, and objects."""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi

from rehearsal.engine.errors import EngineError
from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType

if TYPE_CHECKING:
    from collections.abc import Callable

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
    _put_bucket_tags(context, name)
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


def _update_bucket(context: CreateContext) -> Created:
    name = context.physical_name("bucket")
    context.inputs.get("objectLockEnabled")
    _put_bucket_tags(context, name)
    return Created(
        name,
        context.kept(
            "bucket", "arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion"
        ),
    )


def _put_bucket_tags(context: CreateContext, name: str) -> None:
    if tags := context.tag_list():
        context.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def _delete_bucket(context: DeleteContext) -> None:
    client = context.client("s3")
    if context.resource.inputs.get("forceDestroy"):
        _empty(client, context.id)
    client.delete_bucket(Bucket=context.id)


def _empty(client: Any, bucket: str) -> None:  # noqa: ANN401 - a client
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def _delete_configuration(operation: str) -> Callable[[DeleteContext], None]:
    """Return what deletes a bucket's configuration with one call.

    Args:
        operation: The client's method, for example `delete_bucket_policy`.
    """

    def delete(context: DeleteContext) -> None:
        getattr(context.client("s3"), operation)(Bucket=context.id)

    return delete


def _suspend_versioning(context: DeleteContext) -> None:
    context.client("s3").put_bucket_versioning(
        Bucket=context.id, VersioningConfiguration={"Status": "Suspended"}
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


def _logging(context: CreateContext) -> Created:
    inputs, bucket = context.inputs, context.inputs.require("bucket")
    enabled = {
        "TargetBucket": inputs.require("targetBucket"),
        "TargetPrefix": inputs.get("targetPrefix", ""),
    }
    if key_format := inputs.get("targetObjectKeyFormat"):
        source = key_format["partitionedPrefix"]["partitionDateSource"]
        enabled["TargetObjectKeyFormat"] = {"PartitionedPrefix": {"PartitionDateSource": source}}
    context.client("s3").put_bucket_logging(
        Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled}
    )
    return Created(bucket, {})


def _stop_logging(context: DeleteContext) -> None:
    context.client("s3").put_bucket_logging(Bucket=context["bucket"], BucketLoggingStatus={})


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
    if tags := context.tags():
        request["Tagging"] = urllib.parse.urlencode(tags)
    answer = context.client("s3").put_object(
        Bucket=bucket, Key=key, Body=_content(inputs), **request
    )
    outputs = {
        "key": key,
        "arn": f"arn:aws:s3:::{bucket}/{key}",
        "etag": answer["ETag"].strip('"'),
        "contentType": request.get("ContentType", "application/octet-stream"),
        "storageClass": request.get("StorageClass", "STANDARD"),
        "versionId": answer.get("VersionId", ""),
    }
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


def _delete_object(context: DeleteContext) -> None:
    context.client("s3").delete_object(Bucket=context["bucket"], Key=context["key"])


def _configuration(
    token: str,
    create: Callable[[CreateContext], Created],
    delete: Callable[[DeleteContext], None],
    *ignored: str,
) -> ResourceType:
    """Return the resource type of a bucket's configuration, of which a bucket has one."""
    return ResourceType(
        type=token,
        create=create,
        delete=delete,
        create_is_put=True,
        replace_on=("bucket",),
        named_by="",
        ignored=ignored,
    )


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:s3/bucket:Bucket",
        create=_bucket,
        update=_update_bucket,
        delete=_delete_bucket,
        replace_on=("bucket", "bucketPrefix", "objectLockEnabled"),
        named_by="bucket",
        ignored=("forceDestroy",),
    ),
    _configuration(
        "aws:s3/bucketPolicy:BucketPolicy", _policy, _delete_configuration("delete_bucket_policy")
    ),
    _configuration(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        _public_access_block,
        _delete_configuration("delete_public_access_block"),
        "skipDestroy",
    ),
    _configuration("aws:s3/bucketVersioning:BucketVersioning", _versioning, _suspend_versioning),
    _configuration(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        _encryption,
        _delete_configuration("delete_bucket_encryption"),
    ),
    _configuration(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        _lifecycle,
        _delete_configuration("delete_bucket_lifecycle"),
    ),
    _configuration(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        _ownership,
        _delete_configuration("delete_bucket_ownership_controls"),
    ),
    _configuration("aws:s3/bucketLogging:BucketLogging", _logging, _stop_logging),
    ResourceType(
        type="aws:s3/bucketObjectv2:BucketObjectv2",
        create=_object,
        delete=_delete_object,
        create_is_put=True,
        replace_on=("bucket", "key"),
        named_by="",
        ignored=("sourceHash", "forceDestroy", "etag"),
    ),
)
