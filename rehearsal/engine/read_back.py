"""Reads a resource as the AWS provider does, after it was created or updated.

A deploy role that may create but not read would fail there, so the engine reads as well. Which
actions a type asks for is data: `rehearsal.engine.provider_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from rehearsal.engine.errors import EngineError
from rehearsal.engine.provider_calls import API_NAMES, PROVIDER_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # Returns the client of a service.
    Clients = Callable[[str], Any]

    # Inputs and outputs of the resource, and its `id`.
    Values = Mapping[str, Any]

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})


def read_back(token: str, clients: Clients, values: Values) -> None:
    """Read a resource as the provider does.

    Args:
        token: The type token, for example `aws:sqs/queue:Queue`.
        clients: Returns the client of a service.
        values: Inputs and outputs of the resource, and its `id`.

    Raises:
        ClientError: if the caller may not read it, or it is not there.
        EngineError: if the provider's calls for the type are not known.
    """
    if token not in PROVIDER_CALLS:
        raise EngineError(f"{token}: rehearsal.engine.provider_calls does not have this type")
    for action in PROVIDER_CALLS[token].read:
        service, _, name = action.partition(":")
        if service == "s3":
            _read_s3(clients("s3"), API_NAMES.get(action, name), values)
        else:
            _READS[action](clients(service), values)


def _read_s3(s3: Any, name: str, values: Values) -> None:  # noqa: ANN401 - a client
    if name == "ListTagsForResource":
        return  # S3 Control answers at a host that does not resolve here
    request = {"Bucket": values["bucket"]}
    if name.endswith(("Object", "ObjectTagging")):
        request["Key"] = values["key"]
    try:
        getattr(s3, _method(name))(**request)
    except ClientError as error:
        # A bucket without a configuration of some kind answers with a 404.
        if error.response["Error"]["Code"] in _DENIED or "Key" in request:
            raise


def _method(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _get_role_policy(iam: Any, values: Values) -> None:  # noqa: ANN401 - a client
    """Read an inline policy, or of a role each one."""
    role = values.get("role") or values["name"]
    names = [values["name"]]
    if "role" not in values:
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    for name in names:
        iam.get_role_policy(RoleName=role, PolicyName=name)


def _get_policy_version(iam: Any, values: Values) -> None:  # noqa: ANN401 - a client
    version = iam.get_policy(PolicyArn=values["arn"])["Policy"]["DefaultVersionId"]
    iam.get_policy_version(PolicyArn=values["arn"], VersionId=version)


_READS: Final[dict[str, Callable[[Any, Values], Any]]] = {
    "cloudwatch:GetDashboard": lambda c, v: c.get_dashboard(DashboardName=v["dashboardName"]),
    "cloudwatch:DescribeAlarms": lambda c, v: c.describe_alarms(AlarmNames=[v["name"]]),
    "cloudwatch:ListTagsForResource": lambda c, v: c.list_tags_for_resource(ResourceARN=v["arn"]),
    "dynamodb:DescribeContinuousBackups": lambda c, v: c.describe_continuous_backups(
        TableName=v["name"]
    ),
    "dynamodb:DescribeTable": lambda c, v: c.describe_table(TableName=v["name"]),
    "dynamodb:DescribeTimeToLive": lambda c, v: c.describe_time_to_live(TableName=v["name"]),
    "dynamodb:ListTagsOfResource": lambda c, v: c.list_tags_of_resource(ResourceArn=v["arn"]),
    "events:DescribeEventBus": lambda c, v: c.describe_event_bus(Name=v["name"]),
    "events:DescribeRule": lambda c, v: c.describe_rule(Name=v["name"]),
    "events:ListTagsForResource": lambda c, v: c.list_tags_for_resource(ResourceARN=v["arn"]),
    "events:ListTargetsByRule": lambda c, v: c.list_targets_by_rule(Rule=v["rule"]),
    "iam:GetOpenIDConnectProvider": lambda c, v: c.get_open_id_connect_provider(
        OpenIDConnectProviderArn=v["arn"]
    ),
    "iam:GetPolicy": lambda c, v: c.get_policy(PolicyArn=v["arn"]),
    "iam:GetPolicyVersion": _get_policy_version,
    "iam:GetRole": lambda c, v: c.get_role(RoleName=v["name"]),
    "iam:GetRolePolicy": _get_role_policy,
    "iam:ListAttachedRolePolicies": lambda c, v: c.list_attached_role_policies(RoleName=v["name"]),
    "iam:ListRolePolicies": lambda c, v: c.list_role_policies(RoleName=v["name"]),
    "kms:DescribeKey": lambda c, v: c.describe_key(KeyId=v["keyId"]),
    "kms:GetKeyPolicy": lambda c, v: c.get_key_policy(KeyId=v["keyId"], PolicyName="default"),
    "kms:GetKeyRotationStatus": lambda c, v: c.get_key_rotation_status(KeyId=v["keyId"]),
    "kms:ListAliases": lambda c, _: c.list_aliases(),
    "kms:ListResourceTags": lambda c, v: c.list_resource_tags(KeyId=v["keyId"]),
    "lambda:GetAlias": lambda c, v: c.get_alias(FunctionName=v["functionName"], Name=v["name"]),
    "lambda:GetEventSourceMapping": lambda c, v: c.get_event_source_mapping(UUID=v["uuid"]),
    "lambda:GetFunction": lambda c, v: c.get_function(FunctionName=v["name"]),
    "lambda:GetFunctionCodeSigningConfig": lambda c, v: c.get_function_code_signing_config(
        FunctionName=v["name"]
    ),
    "lambda:ListTags": lambda c, v: c.list_tags(Resource=v["arn"]),
    "lambda:ListVersionsByFunction": lambda c, v: c.list_versions_by_function(
        FunctionName=v["name"]
    ),
    "logs:DescribeLogGroups": lambda c, v: c.describe_log_groups(logGroupNamePrefix=v["name"]),
    "logs:ListTagsForResource": lambda c, v: c.list_tags_for_resource(resourceArn=v["arn"]),
    "sns:GetSubscriptionAttributes": lambda c, v: c.get_subscription_attributes(
        SubscriptionArn=v["arn"]
    ),
    "sns:GetTopicAttributes": lambda c, v: c.get_topic_attributes(TopicArn=v["arn"]),
    "sns:ListTagsForResource": lambda c, v: c.list_tags_for_resource(ResourceArn=v["arn"]),
    "sqs:GetQueueAttributes": lambda c, v: c.get_queue_attributes(
        QueueUrl=v["id"], AttributeNames=["All"]
    ),
    "sqs:ListQueueTags": lambda c, v: c.list_queue_tags(QueueUrl=v["id"]),
}
