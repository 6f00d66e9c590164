"""The function: its role, its log, its code by digest, and the mapping that feeds it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, iam, lambda_

from infra.bundle import HANDLER, PYTHON_RUNTIME
from infra.names import ALIAS, ROLE_PATH, function_name, log_group_name
from infra.policies.function_role import FunctionGrants, function_policy, trust_lambda

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARCHITECTURE = "arm64"  # a fifth cheaper than x86_64 for the same work, and the code is Python


@dataclass(frozen=True, kw_only=True)
class LambdaFunctionArgs:
    """What a launcher is made of."""

    stage: str
    grants: FunctionGrants
    permissions_boundary: Input[str]
    artifact_bucket: Input[str]
    artifact_key: Input[str]
    artifact_digest: str
    environment: Mapping[str, Input[str]]
    timeout_seconds: int
    memory_megabytes: int
    batch_size: int
    batching_window_seconds: int
    maximum_concurrency: int
    log_retention_days: int


class LambdaFunction(pulumi.ComponentResource):
    """The function that turns messages into RunTask calls, behind the alias `live`."""

    function_name: Output[str]
    alias_arn: Output[str]
    version: Output[str]

    def __init__(
        self, name: str, args: LambdaFunctionArgs, opts: ResourceOptions | None = None
    ) -> None:
        """Make the function and feed it; `name` is the prefix of its children's names."""
        super().__init__("ecs-run-task:index:LambdaFunction", name, None, opts)
        child = ResourceOptions(parent=self)
        log_group = cloudwatch.LogGroup(
            f"{name}-log",
            name=log_group_name(args.stage),
            kms_key_id=args.grants.key,
            retention_in_days=args.log_retention_days,
            opts=child,
        )
        role = iam.Role(
            f"{name}-role",
            path=ROLE_PATH,
            description=f"{name}: launches tasks",
            assume_role_policy=Output.json_dumps(trust_lambda()),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        policy = iam.RolePolicy(
            f"{name}-role-policy",
            role=role.name,
            policy=Output.json_dumps(function_policy(args.grants)),
            opts=child,
        )
        function = lambda_.Function(
            name,
            name=function_name(args.stage),
            description=f"{name}: a message becomes one ECS task",
            role=role.arn,
            runtime=PYTHON_RUNTIME,
            architectures=[_ARCHITECTURE],
            handler=HANDLER,
            s3_bucket=args.artifact_bucket,
            s3_key=args.artifact_key,
            # As AWS reports it, so that code changed by hand shows up as a difference.
            code_sha256=base64.b64encode(bytes.fromhex(args.artifact_digest)).decode(),
            timeout=args.timeout_seconds,
            memory_size=args.memory_megabytes,
            kms_key_arn=args.grants.key,
            environment={"variables": dict(args.environment)},
            logging_config={"log_format": "JSON", "log_group": log_group.name},
            publish=True,
            # Lambda checks the role when the mapping is made, and the log group when it writes.
            opts=ResourceOptions(parent=self, depends_on=[policy, log_group]),
        )
        alias = lambda_.Alias(
            f"{name}-{ALIAS}",
            name=ALIAS,
            description="What the queue is worked with",
            function_name=function.name,
            function_version=function.version,
            opts=child,
        )
        lambda_.EventSourceMapping(
            f"{name}-source",
            event_source_arn=args.grants.work_queue,
            function_name=alias.arn,
            batch_size=args.batch_size,
            maximum_batching_window_in_seconds=args.batching_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": args.maximum_concurrency},
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
