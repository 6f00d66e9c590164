"""The function stack: one stage's KMS key, queues, topic, ledger and function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import kms

from infra.alarms import StageAlarms, StageAlarmsArgs
from infra.artifact_source import ArtifactSource, ArtifactSourceArgs
from infra.documents import to_json
from infra.environment import function_environment
from infra.failure_topic import FailureTopic, FailureTopicArgs
from infra.function_role import FunctionRole, FunctionRoleArgs
from infra.lambda_function import LambdaFunction, LambdaFunctionArgs
from infra.ledger import LedgerTable, LedgerTableArgs
from infra.limits import KMS_KEY_DELETION_WINDOW_DAYS
from infra.names import KMS_KEY_TAGS, log_group_name
from infra.outcomes import FollowUp, FollowUpArgs, Outcomes, OutcomesArgs
from infra.policies.function_role import FunctionGrants
from infra.policies.key_policies import stage_kms_key_policy
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
        outcomes = Outcomes(
            name,
            OutcomesArgs(
                config=config,
                kms_key=kms_key,
                kms_key_arn=kms_key.arn,
                function_role_arn=role.arn,
            ),
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
                    choice=config,
                    work_queue_arn=queue.arn,
                    dead_letter_queue_arn=queue.dead_letter_arn,
                    failure_topic_arn=topic.arn,
                    ledger_table_arn=ledger.arn,
                    kms_key_arn=kms_key.arn,
                    log_group_arn=log_group_arn,
                    events_queue_arn=outcomes.events.arn if outcomes.events else None,
                    results_queue_arn=outcomes.results_queue.arn
                    if outcomes.results_queue
                    else None,
                    results_bus_arn=outcomes.results_bus.arn if outcomes.results_bus else None,
                    payload_bucket_arn=outcomes.payloads.arn if outcomes.payloads else None,
                ),
                role=role,
                artifact=artifact,
                environment=function_environment(
                    config,
                    queue_url=queue.url,
                    dead_letter_queue_url=queue.dead_letter_url,
                    failure_topic_arn=topic.arn,
                    ledger_table=ledger.table_name,
                    outcomes=outcomes.resources,
                ),
            ),
            child,
        )
        alarms = StageAlarms(
            name,
            StageAlarmsArgs(
                config=config,
                queue_name=queue.name,
                dead_letter_queue_name=queue.dead_letter_name,
                topic_arn=topic.arn,
            ),
            child,
        )
        follow_up: Mapping[str, Input[str]] = {}
        if outcomes.events is not None:
            follow_up = FollowUp(
                name,
                FollowUpArgs(
                    config=config,
                    events=outcomes.events,
                    queue=queue,
                    alias_arn=function.alias_arn,
                    topic_arn=topic.arn,
                    alarm_arns=[*alarms.arns, ledger.alarm_arn],
                ),
                child,
            ).outputs()
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
            **outcomes.outputs(),
            **follow_up,
        }
        self.register_outputs(self._outputs)

    def outputs(self) -> Mapping[str, Input[str]]:
        """Return the stack's outputs, for operators and tools."""
        return self._outputs
