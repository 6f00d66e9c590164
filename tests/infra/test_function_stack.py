"""What a stage's stack registers, and what AWS would refuse though the embedded AWS does not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from function.limits import (
    MAX_VISIBILITY_TIMEOUT_SECONDS,
    VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT,
)
from function.settings import Settings
from infra import limits
from infra.bundle import build_bundle
from infra.manifest import Manifest

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

DIGEST = "ab" * 32
LOCATION = "eu-central-1:111111111111"


def statement(document: dict[str, Any], sid: str) -> dict[str, Any]:
    (found,) = [entry for entry in document["Statement"] if entry["Sid"] == sid]
    assert isinstance(found, dict)
    return found


def work_queue(recorder: Recorder) -> Any:
    return recorder.named("sqs/queue:Queue", "ecs-run-task-dev").inputs


def test_the_visibility_timeout_is_six_times_the_functions_timeout_and_the_window(
    stack: Stack,
) -> None:
    recorder = stack("dev", timeoutSeconds="90", batchingWindowSeconds="30")
    function = recorder.only("lambda/function:Function").inputs
    assert function["timeout"] == 90
    assert work_queue(recorder)["visibilityTimeoutSeconds"] == 570
    assert function["environment"]["variables"]["VISIBILITY_TIMEOUT_SECONDS"] == "570"


def test_the_longest_timeout_of_the_function_brings_a_message_back_in_time() -> None:
    longest = VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT * max(limits.TIMEOUT_SECONDS)
    assert longest == MAX_VISIBILITY_TIMEOUT_SECONDS


def test_the_queue_gives_up_only_after_a_thousand_receives(dev: Recorder) -> None:
    redrive = json.loads(work_queue(dev)["redrivePolicy"])
    dlq = dev.named("sqs/queue:Queue", "ecs-run-task-dev-dlq")
    assert redrive["maxReceiveCount"] == 1000
    assert redrive["deadLetterTargetArn"].endswith(f"{dlq.name}-0123456")


def test_the_dead_letter_queue_takes_from_the_work_queue_alone(dev: Recorder) -> None:
    allow = dev.named(
        "sqs/redriveAllowPolicy:RedriveAllowPolicy", "ecs-run-task-dev-dlq-redrive"
    ).document("redriveAllowPolicy")
    assert allow["redrivePermission"] == "byQueue"
    assert [arn.rpartition(":")[2] for arn in allow["sourceQueueArns"]] == ["ecs-run-task-dev"]


def test_the_dead_letter_queue_keeps_longer_than_the_work_queue(dev: Recorder) -> None:
    dlq = dev.named("sqs/queue:Queue", "ecs-run-task-dev-dlq").inputs
    assert work_queue(dev)["messageRetentionSeconds"] == 4 * 86400
    assert dlq["messageRetentionSeconds"] == 14 * 86400


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("sqs/queue:Queue", "kmsMasterKeyId"),
        ("sns/topic:Topic", "kmsMasterKeyId"),
        ("cloudwatch/logGroup:LogGroup", "kmsKeyId"),
        ("lambda/function:Function", "kmsKeyArn"),
    ],
)
def test_everything_that_holds_data_uses_the_stages_key(dev: Recorder, kind: str, key: str) -> None:
    for resource in dev.all(kind):
        assert resource.inputs[key] == f"arn:aws:kms:{LOCATION}:ecs-run-task-dev-key-0123456"


def test_the_key_rotates(dev: Recorder) -> None:
    assert dev.only("kms/key:Key").inputs["enableKeyRotation"] is True


def test_a_log_is_kept_for_a_year(dev: Recorder) -> None:
    assert dev.only("cloudwatch/logGroup:LogGroup").inputs["retentionInDays"] == 365


@pytest.mark.parametrize("name", ["ecs-run-task-dev-policy", "ecs-run-task-dev-dlq-policy"])
def test_queues_refuse_connections_without_tls(dev: Recorder, name: str) -> None:
    policy = dev.named("sqs/queuePolicy:QueuePolicy", name).document("policy")
    assert statement(policy, "DenyWithoutTls") == {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["sqs:*"],
        "Resource": policy["Statement"][0]["Resource"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_nobody_else_may_send_unless_the_configuration_says_so(dev: Recorder) -> None:
    policy = dev.named("sqs/queuePolicy:QueuePolicy", "ecs-run-task-dev-policy").document("policy")
    assert {entry["Effect"] for entry in policy["Statement"]} == {"Deny"}


def test_both_queues_take_the_longest_messages(dev: Recorder) -> None:
    # A dead letter is its message, and what is wrong with it.
    for queue in dev.all("sqs/queue:Queue"):
        assert queue.inputs["maxMessageSize"] == 1024 * 1024


@pytest.mark.parametrize(
    ("level", "lambda_level"),
    # Lambda takes the lines of the metrics for lines of level INFO.
    [("DEBUG", "DEBUG"), ("INFO", "INFO"), ("WARNING", "INFO"), ("ERROR", "INFO")],
)
def test_lambda_drops_no_line_that_the_handler_writes(
    stack: Stack, level: str, lambda_level: str
) -> None:
    recorder = stack("dev", logLevel=level)
    assert recorder.only("lambda/function:Function").inputs["loggingConfig"] == {
        "logFormat": "JSON",
        "logGroup": "/aws/lambda/ecs-run-task-dev",
        "applicationLogLevel": lambda_level,
        "systemLogLevel": "WARN",
    }


def test_the_mapping_reports_partial_failures_and_calls_the_alias(dev: Recorder) -> None:
    mapping = dev.named(
        "lambda/eventSourceMapping:EventSourceMapping", "ecs-run-task-dev-source"
    ).inputs
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["functionName"] == f"arn:aws:lambda:{LOCATION}:live"
    assert mapping["batchSize"] == 10
    assert mapping["scalingConfig"] == {"maximumConcurrency": 2}
    assert mapping["metricsConfig"] == {"metrics": ["EventCount"]}


def test_the_function_is_published_and_its_alias_names_the_version(dev: Recorder) -> None:
    function = dev.only("lambda/function:Function").inputs
    assert function["publish"] is True
    assert function["architectures"] == ["arm64"]
    assert function["runtime"] == "python3.13"
    assert dev.only("lambda/alias:Alias").inputs["functionVersion"] == "1"


def test_the_functions_code_is_named_by_what_it_is(dev: Recorder) -> None:
    bundle = build_bundle()
    function = dev.only("lambda/function:Function").inputs
    (uploaded,) = (
        uploaded.inputs
        for uploaded in dev.all("s3/bucketObjectv2:BucketObjectv2")
        if uploaded.inputs["key"].endswith(".zip")
    )
    assert function["s3Key"] == uploaded["key"] == f"builds/{bundle.digest}.zip"
    assert function["s3ObjectVersion"].startswith("version-of-ecs-run-task-dev-artifact")
    assert base64.b64decode(function["codeSha256"]).hex() == bundle.digest
    assert Path(uploaded["source"].path).read_bytes() == bundle.content


def test_the_manifest_goes_with_the_artifact(dev: Recorder) -> None:
    digest = build_bundle().digest
    manifest = dev.named(
        "s3/bucketObjectv2:BucketObjectv2", f"ecs-run-task-dev-artifact-{digest[:12]}-manifest"
    ).inputs
    read = Manifest.from_json(manifest["content"])
    assert manifest["key"] == f"builds/{digest}.json"
    assert read.digest == digest
    assert read.dependencies.keys() == {"aws-lambda-powertools", "jmespath", "typing-extensions"}


def test_the_bill_of_materials_goes_with_the_artifact(dev: Recorder) -> None:
    digest = build_bundle().digest
    contents = dev.named(
        "s3/bucketObjectv2:BucketObjectv2", f"ecs-run-task-dev-artifact-{digest[:12]}-contents"
    ).inputs
    assert contents["key"] == f"builds/{digest}.cdx.json"
    assert json.loads(contents["content"])["metadata"]["component"]["version"] == digest


def test_a_promoted_artifact_is_not_built_again(stack: Stack) -> None:
    recorder = stack("prod", artifact=DIGEST)
    assert not recorder.all("s3/bucketObjectv2:BucketObjectv2")
    function = recorder.only("lambda/function:Function").inputs
    assert function["s3Key"] == f"artifacts/{DIGEST}.zip"
    assert "s3ObjectVersion" not in function


def test_a_promoted_artifact_can_be_named_by_its_version(stack: Stack) -> None:
    recorder = stack("prod", artifact=DIGEST, artifactVersion="3sL4kqtJlcpXroDTDmJ")
    function = recorder.only("lambda/function:Function").inputs
    assert function["s3ObjectVersion"] == "3sL4kqtJlcpXroDTDmJ"


def test_the_function_role_stays_within_the_boundary(dev: Recorder) -> None:
    role = dev.only("iam/role:Role").inputs
    assert role["permissionsBoundary"] == "arn:aws:iam::111111111111:policy/ecs-run-task/boundary"
    assert role["path"] == "/ecs-run-task/"


def test_the_role_launches_what_the_configuration_names_and_no_more(dev: Recorder) -> None:
    policy = dev.only("iam/rolePolicy:RolePolicy").document("policy")
    ecs = "arn:aws:ecs:eu-central-1:111111111111"
    assert statement(policy, "LaunchTasks") == {
        "Sid": "LaunchTasks",
        "Effect": "Allow",
        "Action": ["ecs:RunTask"],
        "Resource": [f"{ecs}:task-definition/report:*"],
        "Condition": {
            "ArnLike": {"ecs:cluster": [f"{ecs}:cluster/batch"]},
            "ForAllValues:StringLike": {
                "ecs:capacity-provider": [
                    f"{ecs}:capacity-provider/FARGATE",
                    f"{ecs}:capacity-provider/FARGATE_SPOT",
                ]
            },
            "Null": {"aws:TagKeys": "true"},
            "StringEqualsIfExists": {
                "ecs:enable-ebs-volumes": "false",
                "ecs:enable-execute-command": "false",
            },
        },
    }
    assert statement(policy, "TagTasks")["Resource"] == [f"{ecs}:task/batch/*"]
    assert statement(policy, "PassTaskRoles") == {
        "Sid": "PassTaskRoles",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [
            "arn:aws:iam::111111111111:role/report-task",
            "arn:aws:iam::111111111111:role/report-execution",
        ],
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    }


def test_without_roles_to_pass_nothing_may_be_passed(stack: Stack) -> None:
    recorder = stack("dev", taskRoles="[]", executionRoles="[]")
    policy = recorder.only("iam/rolePolicy:RolePolicy").document("policy")
    assert "PassTaskRoles" not in [entry["Sid"] for entry in policy["Statement"]]


def test_the_handlers_allow_list_is_the_roles(dev: Recorder) -> None:
    variables = dev.only("lambda/function:Function").inputs["environment"]["variables"]
    settings = Settings.from_environment(variables)
    policy = dev.only("iam/rolePolicy:RolePolicy").document("policy")
    launch = statement(policy, "LaunchTasks")
    assert list(settings.task_definitions) == launch["Resource"]
    assert list(settings.clusters) == launch["Condition"]["ArnLike"]["ecs:cluster"]
    roles = [*settings.task_roles, *settings.execution_roles]
    assert roles == statement(policy, "PassTaskRoles")["Resource"]


def test_the_environment_names_no_reserved_variable(dev: Recorder) -> None:
    variables = dev.only("lambda/function:Function").inputs["environment"]["variables"]
    assert not [name for name in variables if name.startswith(("AWS_", "LAMBDA_", "_"))]


def test_a_fifo_stage_has_fifo_queues(stack: Stack) -> None:
    recorder = stack("dev", fifo="true")
    assert work_queue(recorder)["name"] == "ecs-run-task-dev.fifo"
    fifo = {
        queue.name for queue in recorder.all("sqs/queue:Queue") if queue.inputs.get("fifoQueue")
    }
    assert fifo == {"ecs-run-task-dev", "ecs-run-task-dev-dlq"}


def test_every_address_is_subscribed_to_the_failure_topic(stack: Stack) -> None:
    recorder = stack("dev", notifyEmails='["ops@example.com"]')
    subscription = recorder.only("sns/topicSubscription:TopicSubscription").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "ops@example.com")
