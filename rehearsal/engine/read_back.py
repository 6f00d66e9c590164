"""The calls with which the AWS provider reads back what it has created.

The provider refreshes each resource after creating it and before every update. A deploy role that
may create but not read would fail there, so the engine reads as well. The calls are those of
https://github.com/hashicorp/terraform-provider-aws, folder `internal/service`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.engine.resource_types import CreateContext, Created


def read_back(token: str, context: CreateContext, created: Created) -> None:
    """Read a resource as the provider does, if the deploy role creates its type.

    Raises:
        ClientError: if the caller may not read it.
    """
    if read := _READERS.get(token):
        read(context, {**created.outputs, "id": created.id})


def _queue(context: CreateContext, outputs: dict[str, Any]) -> None:
    sqs = context.client("sqs")
    sqs.get_queue_attributes(QueueUrl=outputs["url"], AttributeNames=["All"])
    sqs.list_queue_tags(QueueUrl=outputs["url"])


def _topic(context: CreateContext, outputs: dict[str, Any]) -> None:
    sns = context.client("sns")
    sns.get_topic_attributes(TopicArn=outputs["arn"])
    sns.list_tags_for_resource(ResourceArn=outputs["arn"])


def _log_group(context: CreateContext, outputs: dict[str, Any]) -> None:
    logs = context.client("logs")
    logs.describe_log_groups(logGroupNamePrefix=outputs["name"])
    logs.list_tags_for_resource(resourceArn=outputs["arn"])


def _key(context: CreateContext, outputs: dict[str, Any]) -> None:
    kms = context.client("kms")
    kms.describe_key(KeyId=outputs["keyId"])
    kms.get_key_policy(KeyId=outputs["keyId"], PolicyName="default")
    kms.get_key_rotation_status(KeyId=outputs["keyId"])
    kms.list_resource_tags(KeyId=outputs["keyId"])


def _alias(context: CreateContext, _outputs: dict[str, Any]) -> None:
    context.client("kms").list_aliases()


def _role(context: CreateContext, outputs: dict[str, Any]) -> None:
    iam = context.client("iam")
    iam.get_role(RoleName=outputs["name"])
    iam.list_role_policies(RoleName=outputs["name"])
    iam.list_attached_role_policies(RoleName=outputs["name"])


def _role_policy(context: CreateContext, outputs: dict[str, Any]) -> None:
    context.client("iam").get_role_policy(
        RoleName=context.inputs.require("role"), PolicyName=outputs["name"]
    )


def _function(context: CreateContext, outputs: dict[str, Any]) -> None:
    functions = context.client("lambda")
    functions.get_function(FunctionName=outputs["name"])
    functions.list_versions_by_function(FunctionName=outputs["name"])


def _function_alias(context: CreateContext, outputs: dict[str, Any]) -> None:
    context.client("lambda").get_alias(
        FunctionName=context.inputs.require("functionName"), Name=outputs["name"]
    )


def _mapping(context: CreateContext, outputs: dict[str, Any]) -> None:
    functions = context.client("lambda")
    functions.get_event_source_mapping(UUID=outputs["uuid"])
    functions.list_tags(Resource=outputs["arn"])


def _object(context: CreateContext, outputs: dict[str, Any]) -> None:
    location = {"Bucket": context.inputs.require("bucket"), "Key": outputs["key"]}
    s3 = context.client("s3")
    s3.head_object(**location)
    s3.get_object_tagging(**location)


_READERS: Final[dict[str, Callable[[CreateContext, dict[str, Any]], None]]] = {
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:kms/alias:Alias": _alias,
    "aws:kms/key:Key": _key,
    "aws:lambda/alias:Alias": _function_alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _mapping,
    "aws:lambda/function:Function": _function,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:sns/topic:Topic": _topic,
    "aws:sqs/queue:Queue": _queue,
}
