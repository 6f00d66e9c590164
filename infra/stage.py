"""The function stack: one stage's KMS key, queues, topic, ledger and function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import kms

from infra.artifact_source import ArtifactSource, ArtifactSourceArgs
from infra.documents import to_json
from infra.failure_topic import FailureTopic, FailureTopicArgs
from infra.function_role import FunctionRole, FunctionRoleArgs
from infra.lambda_function import LambdaFunction, LambdaFunctionArgs
from infra.ledger import LedgerTable, LedgerTableArgs
from infra.limits import DAY_SECONDS, KMS_KEY_DELETION_WINDOW_DAYS, MINUTE_SECONDS
from infra.names import KMS_KEY_TAGS, log_group_name
from infra.policies.function_role import FunctionGrants
from infra.policies.resource_policies import stage_kms_key_policy
from infra.queues import WorkQueue, WorkQueueArgs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig


class Stage(pulumi.ComponentResource):
    """Everything between a sender and RunTask, for one stage of one account."""

    def __init__(
        self,
        name: str,
        config: FunctionConfig,
        bootstrap: pulumi.StackReference,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("ecs-run-task:index:Stage", name, None, opts)
        child = ResourceOptions(parent=self)
        protected = ResourceOptions(parent=self, protect=config.protect)
        log_group_arn = config.location.arn("logs", f"log-group:{log_group_name(config.stage)}")
        kms_key = kms.Key(
            f"{name}-key",
            description=f"Encrypts queues, topic, table, log and environment of {name}",
            deletion_window_in_days=KMS_KEY_DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=to_json(stage_kms_key_policy(config)),
            tags=KMS_KEY_TAGS,
            opts=protected,
        )
        kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=kms_key.key_id, opts=child)
        role = FunctionRole(
            name,
            FunctionRoleArgs(
                permissions_boundary_arn=bootstrap.require_output("permissionsBoundaryArn")
            ),
            child,
        )
        queue = WorkQueue(
            name,
            WorkQueueArgs(config=config, kms_key_arn=kms_key.arn, function_role_arn=role.arn),
            child,
        )
        topic = FailureTopic(
            f"{name}-failures",
            FailureTopicArgs(config=config, kms_key_arn=kms_key.arn),
            child,
        )
        ledger = LedgerTable(
            f"{name}-ledger",
            LedgerTableArgs(config=config, kms_key_arn=kms_key.arn, alarm_topic_arn=topic.arn),
            child,
        )
        artifact = ArtifactSource(
            f"{name}-artifact",
            ArtifactSourceArgs(
                artifact=config.artifact,
                version=config.artifact_version,
                bucket=bootstrap.require_output("artifactBucket"),
                kms_key_arn=bootstrap.require_output("artifactKmsKeyArn"),
            ),
            child,
        )
        function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                config=config,
                grants=FunctionGrants(
                    location=config.location,
                    cluster_arns=config.cluster_arns,
                    task_definition_arns=config.task_definition_arns,
                    pass_role_arns=config.pass_roles,
                    work_queue_arn=queue.arn,
                    dead_letter_queue_arn=queue.dead_letter_arn,
                    failure_topic_arn=topic.arn,
                    ledger_table_arn=ledger.arn,
                    kms_key_arn=kms_key.arn,
                    log_group_arn=log_group_arn,
                ),
                role=role,
                artifact=artifact,
                environment=function_environment(
                    config,
                    queue_url=queue.url,
                    dead_letter_queue_url=queue.dead_letter_url,
                    failure_topic_arn=topic.arn,
                    ledger_table=ledger.table_name,
                ),
            ),
            child,
        )
        self._outputs: dict[str, Input[str]] = {
            "stage": config.stage,
            "account": config.location.account,
            "region": config.location.region,
            "queueUrl": queue.url,
            "deadLetterQueueUrl": queue.dead_letter_url,
            "failureTopicArn": topic.arn,
            "ledgerTable": ledger.table_name,
            "kmsKeyArn": kms_key.arn,
            "functionName": function.function_name,
            "functionVersion": function.version,
            "logGroup": log_group_name(config.stage),
            "artifactBucket": artifact.bucket,
            "artifactDigest": artifact.digest,
        }
        self.register_outputs(self._outputs)

    def outputs(self) -> Mapping[str, Input[str]]:
        """Return the stack's outputs, for operators and tools."""
        return self._outputs


def function_environment(
    config: FunctionConfig,
    *,
    queue_url: Input[str],
    dead_letter_queue_url: Input[str],
    failure_topic_arn: Input[str],
    ledger_table: Input[str],
) -> dict[str, Input[str]]:
    """Return the function's environment variables.

    The allow-list in it comes from the same values as the policy of the function's role.
    """
    return {
        "STAGE": config.stage,
        "QUEUE_URL": queue_url,
        "DEAD_LETTER_QUEUE_URL": dead_letter_queue_url,
        "FAILURE_TOPIC_ARN": failure_topic_arn,
        "LEDGER_TABLE": ledger_table,
        "KEY_RETENTION_SECONDS": str(config.key_retention_days * DAY_SECONDS),
        "CLUSTERS": json.dumps(config.cluster_arns),
        "TASK_DEFINITIONS": json.dumps(config.task_definition_arns),
        "PASS_ROLES": json.dumps(config.pass_roles),
        "QUEUE_RETENTION_SECONDS": str(config.queue_retention_days * DAY_SECONDS),
        "ENVIRONMENT_MAX_AGE_SECONDS": str(config.environment_max_age_minutes * MINUTE_SECONDS),
        "VISIBILITY_TIMEOUT_SECONDS": str(config.visibility_timeout_seconds),
        "RUN_TASK_RATE": str(config.run_task_rate),
        "RUN_TASK_BURST": str(config.run_task_burst),
        "FARGATE_LAUNCH_RATE": str(config.fargate_launch_rate),
        "FARGATE_LAUNCH_BURST": str(config.fargate_launch_burst),
        "FARGATE_SPOT_LAUNCH_RATE": str(config.fargate_spot_launch_rate),
        "FARGATE_SPOT_LAUNCH_BURST": str(config.fargate_spot_launch_burst),
        "MAXIMUM_CONCURRENCY": str(config.maximum_concurrency),
        "PYTHON_LITERALS": json.dumps(config.python_literals),
        "LOG_LEVEL": config.log_level,
    }
