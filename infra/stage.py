"""The function stack: one stage's queue, function, topic and key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import kms

from infra.artifact_source import ArtifactSource, ArtifactSourceArgs
from infra.failure_topic import FailureTopic, FailureTopicArgs
from infra.lambda_function import LambdaFunction, LambdaFunctionArgs
from infra.limits import DAY_SECONDS, KEY_DELETION_WINDOW_DAYS
from infra.names import KEY_TAGS, PREFIX, log_group_name
from infra.policies.function_role import FunctionGrants
from infra.policies.resources import function_key_policy
from infra.queues import WorkQueue, WorkQueueArgs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig

_MINUTE_SECONDS = 60


class Stage(pulumi.ComponentResource):
    """Everything between a sender and RunTask, in one account."""

    def __init__(
        self,
        name: str,
        config: FunctionConfig,
        bootstrap: pulumi.StackReference,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Make what `config` says, with what the account's bootstrap stack exports."""
        super().__init__("ecs-run-task:index:Stage", name, None, opts)
        child = ResourceOptions(parent=self)
        log_group = config.location.arn("logs", f"log-group:{log_group_name(config.stage)}")
        key = kms.Key(
            f"{name}-key",
            description=f"{name}: queues, topic, log and environment",
            deletion_window_in_days=KEY_DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=Output.json_dumps(
                function_key_policy(config.location, log_group=log_group, senders=config.senders)
            ),
            tags=KEY_TAGS,
            opts=child,
        )
        kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=key.key_id, opts=child)
        queue = WorkQueue(
            name,
            WorkQueueArgs(
                stage=config.stage,
                location=config.location,
                key=key.arn,
                senders=config.senders,
                fifo=config.fifo,
                visibility_timeout_seconds=config.visibility_timeout_seconds,
                retention_days=config.queue_retention_days,
                dead_letter_retention_days=config.dead_letter_retention_days,
            ),
            child,
        )
        topic = FailureTopic(
            f"{name}-failures", FailureTopicArgs(key=key.arn, emails=config.notify_emails), child
        )
        artifact = ArtifactSource(
            f"{name}-artifact",
            ArtifactSourceArgs(
                artifact=config.artifact,
                bucket=bootstrap.require_output("artifactBucket"),
                key=bootstrap.require_output("artifactKeyArn"),
            ),
            child,
        )
        launcher = LambdaFunction(
            name,
            LambdaFunctionArgs(
                stage=config.stage,
                grants=FunctionGrants(
                    location=config.location,
                    clusters=config.cluster_arns,
                    task_definitions=config.task_definition_arns,
                    pass_roles=config.pass_roles,
                    work_queue=queue.arn,
                    dead_letter_queue=queue.dead_letter_arn,
                    topic=topic.arn,
                    key=key.arn,
                    log_group=log_group,
                ),
                permissions_boundary=bootstrap.require_output("permissionsBoundaryArn"),
                artifact_bucket=artifact.bucket,
                artifact_key=artifact.object_key,
                artifact_digest=artifact.digest,
                environment=function_environment(
                    config, queue=queue.url, dead_letters=queue.dead_letter_url, topic=topic.arn
                ),
                timeout_seconds=config.timeout_seconds,
                memory_megabytes=config.memory_megabytes,
                batch_size=config.batch_size,
                batching_window_seconds=config.batching_window_seconds,
                maximum_concurrency=config.maximum_concurrency,
                log_retention_days=config.log_retention_days,
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
            "keyArn": key.arn,
            "functionName": launcher.function_name,
            "functionVersion": launcher.version,
            "logGroup": log_group_name(config.stage),
            "artifactBucket": artifact.bucket,
            "artifactDigest": artifact.digest,
        }
        self.register_outputs(self._outputs)

    def outputs(self) -> Mapping[str, Input[str]]:
        """Return what operators and tools need to know of the stage."""
        return self._outputs


def stage_name(stage: str) -> str:
    """Return the prefix of the names of a stage's resources."""
    return f"{PREFIX}{stage}"


def function_environment(
    config: FunctionConfig,
    *,
    queue: Input[str],
    dead_letters: Input[str],
    topic: Input[str],
) -> dict[str, Input[str]]:
    """Return the handler's environment, from the same values as its role's policy."""
    return {
        "STAGE": config.stage,
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": dead_letters,
        "FAILURE_TOPIC_ARN": topic,
        "CLUSTERS": json.dumps(config.cluster_arns),
        "TASK_DEFINITIONS": json.dumps(config.task_definition_arns),
        "PASS_ROLES": json.dumps(config.pass_roles),
        "QUEUE_RETENTION_SECONDS": str(config.queue_retention_days * DAY_SECONDS),
        "ENVIRONMENT_MAX_AGE_SECONDS": str(config.environment_max_age_minutes * _MINUTE_SECONDS),
        "LAUNCH_RATE": str(config.launch_rate),
        "MAXIMUM_CONCURRENCY": str(config.maximum_concurrency),
        "LOG_LEVEL": config.log_level,
    }
