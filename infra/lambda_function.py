"""The Lambda function: log group, policy, code by digest, alias and event source mapping."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, iam, lambda_

from infra.bundle import HANDLER, PYTHON_RUNTIME
from infra.documents import to_json
from infra.event_source import event_source
from infra.names import ALIAS, function_name, log_group_name
from infra.policies.function_role import FunctionGrants, function_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.artifact_source import ArtifactSource
    from infra.config import FunctionConfig
    from infra.function_role import FunctionRole

# A fifth cheaper than x86_64 for the same work, and the artifact is pure Python.
_ARCHITECTURE: Final = "arm64"


@dataclass(frozen=True, kw_only=True)
class LambdaFunctionArgs:
    """Arguments of a stage's function.

    Attributes:
        config: The stage's configuration.
        grants: What the function's role may use.
        role: The function's role, without a policy.
        artifact: The code.
        environment: The function's environment variables.
    """

    config: FunctionConfig
    grants: FunctionGrants
    role: FunctionRole
    artifact: ArtifactSource
    environment: Mapping[str, Input[str]]


class LambdaFunction(pulumi.ComponentResource):
    """The function that launches tasks, invoked through the alias `live`.

    Attributes:
        function_name: Name of the function.
        alias_arn: ARN of the alias.
        version: The version that the alias points to.
    """

    function_name: Output[str]
    alias_arn: Output[str]
    version: Output[str]

    def __init__(
        self, name: str, args: LambdaFunctionArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:LambdaFunction", name, None, opts)
        config = args.config
        child = ResourceOptions(parent=self)
        log_group = cloudwatch.LogGroup(
            f"{name}-log",
            name=log_group_name(config.stage),
            kms_key_id=args.grants.kms_key_arn,
            retention_in_days=config.log_retention_days,
            opts=child,
        )
        policy = iam.RolePolicy(
            f"{name}-role-policy",
            role=args.role.role_name,
            policy=to_json(function_policy(args.grants)),
            opts=child,
        )
        function = lambda_.Function(
            name,
            name=function_name(config.stage),
            description=f"Launches ECS tasks for the messages of the queue {name}",
            role=args.role.arn,
            runtime=PYTHON_RUNTIME,
            architectures=[_ARCHITECTURE],
            handler=HANDLER,
            s3_bucket=args.artifact.bucket,
            s3_key=args.artifact.object_key,
            s3_object_version=args.artifact.object_version,
            # In the form that AWS reports, so that code changed by hand shows as a difference.
            code_sha256=base64.b64encode(bytes.fromhex(args.artifact.digest)).decode(),
            timeout=config.timeout_seconds,
            memory_size=config.memory_megabytes,
            kms_key_arn=args.grants.kms_key_arn,
            environment={"variables": dict(args.environment)},
            logging_config={
                "log_format": "JSON",
                "log_group": log_group.name,
                "application_log_level": _application_log_level(config),
                # Without the lines at the start and end of each invocation, which cost money.
                "system_log_level": "WARN",
            },
            publish=True,
            # Lambda uses the role when the mapping is created, and the log group when it writes.
            opts=ResourceOptions(parent=self, depends_on=[policy, log_group]),
        )
        alias = lambda_.Alias(
            f"{name}-{ALIAS}",
            name=ALIAS,
            description="Invoked by the SQS event source mapping",
            function_name=function.name,
            function_version=function.version,
            opts=child,
        )
        event_source(
            f"{name}-source",
            queue_arn=args.grants.work_queue_arn,
            alias_arn=alias.arn,
            batch_size=config.batch_size,
            batching_window_seconds=config.batching_window_seconds,
            maximum_concurrency=config.maximum_concurrency,
            opts=child,
        )
        self.function_name = function.name
        self.alias_arn = alias.arn
        self.version = function.version
        self.register_outputs(
            {
                "functionName": self.function_name,
                "aliasArn": self.alias_arn,
                "version": self.version,
            }
        )


def _application_log_level(config: FunctionConfig) -> str:
    """Return the level below which Lambda drops what the function writes.

    Lambda takes a line without a level for one of level INFO, and the function's metrics are such
    lines. Above INFO they would be lost, so there the handler alone applies `logLevel`.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    return "DEBUG" if config.log_level == "DEBUG" else "INFO"
