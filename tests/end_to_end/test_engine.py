"""The in-process engine: what it makes, and what it refuses by name."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws
import pytest

from rehearsal.emulator import Emulator, InjectedFault
from rehearsal.engine import EngineError, State, up
from rehearsal.engine.missing_outputs import promised_outputs
from rehearsal.engine.resources import RESOURCE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "eu-central-1"
CONFIG = {
    "aws:region": REGION,
    "aws:allowedAccountIds": json.dumps([ACCOUNT]),
    "aws:defaultTags": json.dumps({"tags": {"application": "test"}}),
}


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def deploy(emulator: Emulator, state: State, request: pytest.FixtureRequest) -> Any:
    name = f"s{abs(hash(request.node.name)) % 10**8}"

    def run(program: Callable[[], None], stack: str = name, **config: str) -> dict[str, Any]:
        return up(
            program,
            project="p",
            stack=stack,
            config={**CONFIG, **config},
            emulator=emulator,
            state=state,
        )

    run.name = name  # type: ignore[attr-defined]
    return run


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    principal = {"Service": f"{service}.amazonaws.com"}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, "Principal": principal}]}
    )


class TestMakes:
    def test_queue_with_a_name_of_its_own_and_default_tags(
        self, emulator: Emulator, deploy: Any
    ) -> None:
        def program() -> None:
            queue = aws.sqs.Queue("work", visibility_timeout_seconds=60, tags={"a": "b"})
            for name in ("url", "arn", "name", "tags_all"):
                pulumi.export(name, getattr(queue, name))

        outputs = deploy(program)
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        found = sqs.get_queue_attributes(QueueUrl=outputs["url"], AttributeNames=["All"])

        assert outputs["name"].startswith("work-")
        assert len(outputs["name"]) == len("work-") + 7
        assert outputs["arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{outputs['name']}"
        assert found["Attributes"]["VisibilityTimeout"] == "60"
        assert sqs.list_queue_tags(QueueUrl=outputs["url"])["Tags"] == {
            "a": "b",
            "application": "test",
        }
        assert outputs["tags_all"] == {"a": "b", "application": "test"}

    def test_fifo_queue_ends_in_fifo(self, deploy: Any) -> None:
        def program() -> None:
            pulumi.export("name", aws.sqs.Queue("work", fifo_queue=True).name)

        assert deploy(program)["name"].endswith(".fifo")

    def test_components_and_secrets_pass_through(self, deploy: Any, state: State) -> None:
        def program() -> None:
            component = pulumi.ComponentResource("ecs-run-task:index:Thing", "thing")
            opts = pulumi.ResourceOptions(parent=component)
            topic = aws.sns.Topic("t", display_name=pulumi.Output.secret("hush"), opts=opts)
            pulumi.export("name", pulumi.Output.secret(topic.display_name))

        assert deploy(program)["name"] == "hush"
        (topic,) = state.resources(f"p/{deploy.name}")
        assert "ecs-run-task:index:Thing$aws:sns/topic:Topic" in topic.urn
        assert topic.inputs["displayName"] == "hush"

    def test_stack_reads_the_outputs_of_another(self, deploy: Any) -> None:
        deploy(lambda: pulumi.export("n", {"m": 1}), stack="first")

        def program() -> None:
            pulumi.export("got", pulumi.StackReference("organization/p/first").get_output("n"))

        assert deploy(program)["got"] == {"m": 1}

    def test_functions_tell_where_the_program_runs(self, deploy: Any) -> None:
        def program() -> None:
            pulumi.export("account", aws.get_caller_identity().account_id)
            pulumi.export("region", aws.get_region().region)

        assert deploy(program) == {"account": ACCOUNT, "region": REGION}

    def test_everything_around_a_queue(self, emulator: Emulator, deploy: Any) -> None:
        def program() -> None:
            key = aws.kms.Key("k", enable_key_rotation=True, deletion_window_in_days=7)
            aws.kms.Alias("a", name="alias/around", target_key_id=key.key_id)
            queue = aws.sqs.Queue("q", kms_master_key_id=key.arn)
            topic = aws.sns.Topic("t")
            aws.sns.TopicSubscription(
                "s",
                topic=topic.arn,
                protocol="sqs",
                endpoint=queue.arn,
                raw_message_delivery=True,
            )
            aws.cloudwatch.LogGroup("l", retention_in_days=30)
            aws.cloudwatch.MetricAlarm(
                "m",
                comparison_operator="GreaterThanThreshold",
                evaluation_periods=1,
                metric_name="ApproximateNumberOfMessagesVisible",
                namespace="AWS/SQS",
                period=60,
                statistic="Maximum",
                threshold=0,
                dimensions={"QueueName": queue.name},
                alarm_actions=[topic.arn],
            )
            aws.cloudwatch.Dashboard("d", dashboard_name="d", dashboard_body='{"widgets": []}')
            rule = aws.cloudwatch.EventRule("r", event_pattern='{"source": ["aws.ecs"]}')
            aws.cloudwatch.EventTarget("e", rule=rule.name, arn=queue.arn)
            aws.dynamodb.Table(
                "ledger",
                billing_mode="PAY_PER_REQUEST",
                hash_key="key",
                attributes=[{"name": "key", "type": "S"}],
                ttl={"attribute_name": "expires", "enabled": True},
                point_in_time_recovery={"enabled": True},
            )
            role = aws.iam.Role("role", assume_role_policy=trust("ecs-tasks"), path="/kit/")
            policy = aws.iam.Policy(
                "policy",
                policy='{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
                path="/kit/",
            )
            aws.iam.RolePolicyAttachment("att", role=role.name, policy_arn=policy.arn)
            aws.iam.OpenIdConnectProvider(
                "oidc",
                url="https://token.actions.githubusercontent.com",
                client_id_lists=["sts.amazonaws.com"],
            )
            pulumi.export("role", role.arn)

        assert "/kit/role-" in deploy(program)["role"]
        assert emulator.client("kms", ACCOUNT, REGION).describe_key(KeyId="alias/around")


class TestRefuses:
    def test_unknown_type(self, deploy: Any) -> None:
        with pytest.raises(EngineError, match=r"aws:ec2/eip:Eip 'ip'.*does not know this type"):
            deploy(lambda: aws.ec2.Eip("ip") and None)

    def test_unknown_function(self, deploy: Any) -> None:
        with pytest.raises(Exception, match="getAvailabilityZones"):
            deploy(lambda: aws.get_availability_zones() and None)

    def test_input_that_nobody_reads(self, deploy: Any) -> None:
        def program() -> None:
            aws.sns.Topic("t", archive_policy="{}")

        with pytest.raises(EngineError, match=r"Topic 't'.*does not use archivePolicy"):
            deploy(program)

    def test_nested_input_that_nobody_reads(self, deploy: Any) -> None:
        def program() -> None:
            aws.s3.BucketLifecycleConfiguration(
                "b",
                bucket=aws.s3.Bucket("c").bucket,
                rules=[
                    {
                        "id": "x",
                        "status": "Enabled",
                        "transitions": [{"days": 1, "storage_class": "GLACIER"}],
                    }
                ],
            )

        with pytest.raises(EngineError, match=r"does not use rules\[0\]\.transitions"):
            deploy(program)

    def test_output_that_the_engine_does_not_give(self, deploy: Any) -> None:
        def program() -> None:
            bucket = aws.s3.Bucket("b")
            policy = pulumi.Output.json_dumps({"zone": bucket.hosted_zone_id})
            aws.sns.Topic("t", policy=policy)

        with pytest.raises(EngineError, match=r"aws:s3/bucket:Bucket\.hostedZoneId"):
            deploy(program)

    def test_none_where_a_value_is_due(self, deploy: Any) -> None:
        def program() -> None:
            aws.sqs.QueuePolicy(
                "p", queue_url=aws.sqs.Queue("q").url, policy=pulumi.Output.from_input(None)
            )

        with pytest.raises(EngineError, match="QueuePolicy 'p': the input policy is missing"):
            deploy(program)

    def test_same_name_twice(self, deploy: Any) -> None:
        def program() -> None:
            aws.sqs.Queue("q")
            aws.sqs.Queue("q")

        with pytest.raises(EngineError, match="Queue 'q' is registered twice"):
            deploy(program)

    def test_same_thing_twice(self, deploy: Any) -> None:
        def program() -> None:
            url = aws.sqs.Queue("q").url
            aws.sqs.QueuePolicy("one", queue_url=url, policy="{}")
            aws.sqs.QueuePolicy("two", queue_url=url, policy="{}")

        with pytest.raises(EngineError, match="is made twice"):
            deploy(program)

    def test_missing_stack(self, deploy: Any) -> None:
        def program() -> None:
            pulumi.export("x", pulumi.StackReference("organization/p/none").get_output("y"))

        with pytest.raises(EngineError, match="there is no stack organization/p/none"):
            deploy(program)

    def test_account_that_is_not_allowed(self, emulator: Emulator, deploy: Any) -> None:
        iam = emulator.client("iam", OTHER, REGION)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=document)["Role"]
        roles = json.dumps([{"roleArn": role["Arn"]}])

        with pytest.raises(EngineError, match=rf"{OTHER}.*only {ACCOUNT}"):
            deploy(lambda: None, **{"aws:assumeRoles": roles})

    def test_role_that_may_not_be_assumed(self, deploy: Any) -> None:
        roles = json.dumps([{"roleArn": f"arn:aws:iam::{OTHER}:role/nobody"}])

        with pytest.raises(EngineError, match=r"cannot assume .*role/nobody"):
            deploy(lambda: None, **{"aws:assumeRoles": roles})

    def test_denial_names_resource_and_permission(self, emulator: Emulator, deploy: Any) -> None:
        iam = emulator.client("iam", ACCOUNT, REGION)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="powerless", AssumeRolePolicyDocument=document)["Role"]
        roles = json.dumps([{"roleArn": role["Arn"]}])

        with pytest.raises(EngineError, match=r"Queue 'q'.*sqs:CreateQueue on resource: arn"):
            deploy(lambda: aws.sqs.Queue("q") and None, **{"aws:assumeRoles": roles})

    def test_change_that_is_not_written(self, deploy: Any) -> None:
        deploy(lambda: aws.sns.Topic("t", display_name="a") and None)

        with pytest.raises(EngineError, match=r"Topic 't'.*cannot update displayName"):
            deploy(lambda: aws.sns.Topic("t", display_name="b") and None)

    def test_resource_that_is_gone(self, deploy: Any) -> None:
        deploy(lambda: aws.sns.Topic("t") and None)

        with pytest.raises(EngineError, match="Topic 't' is no longer in the program"):
            deploy(lambda: None)

    def test_run_after_a_failed_one_works_and_finishes(self, deploy: Any, state: State) -> None:
        def broken() -> None:
            aws.sqs.Queue("q").url.apply(lambda _: aws.ec2.Eip("ip"))

        with pytest.raises(EngineError):
            deploy(broken)
        deploy(lambda: aws.sqs.Queue("q") and None)

        assert [r.name for r in state.resources(f"p/{deploy.name}")] == ["q"]


@pytest.mark.parametrize(
    "token", [token for token in RESOURCE_TYPES if "bucketObject:" not in token]
)
def test_every_type_is_one_of_the_provider(token: str) -> None:
    assert promised_outputs(token)


HANDLER = """
import json, os, time
import boto3
sqs = boto3.client("sqs")
ecs = boto3.client("ecs")
def handler(event, context):
    for record in event["Records"]:
        sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody="VERSION " + record["body"])
        if record["body"] == "run":
            ecs.list_clusters()
            sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody="survived")
"""


def bundle(folder: Path, version: str) -> tuple[Path, str]:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("app.py", HANDLER.replace("VERSION", version))
    path = folder / f"{version}.zip"
    path.write_bytes(data.getvalue())
    return path, hashlib.sha256(data.getvalue()).hexdigest()


def function_program(path: Path, digest: str, **changes: Any) -> Callable[[], None]:
    allow = {"Effect": "Allow", "Resource": "*"}
    actions = changes.get("actions", ["sqs:*", "ecs:ListClusters", "kms:*"])

    def program() -> None:
        key = aws.kms.Key("key", enable_key_rotation=True)
        bucket = aws.s3.Bucket("artifacts")
        artifact = aws.s3.BucketObjectv2(
            f"artifact-{digest[:12]}",
            bucket=bucket.bucket,
            key=f"{digest}.zip",
            source=pulumi.FileAsset(str(path)),
            opts=pulumi.ResourceOptions(retain_on_delete=True),
        )
        queue = aws.sqs.Queue(
            "work",
            kms_master_key_id=key.arn,
            visibility_timeout_seconds=changes.get("visibility", 60),
        )
        out = aws.sqs.Queue("out")
        role = aws.iam.Role("role", assume_role_policy=trust("lambda"))
        document = {"Version": "2012-10-17", "Statement": [{**allow, "Action": actions}]}
        policy = aws.iam.RolePolicy("policy", role=role.name, policy=json.dumps(document))
        function = aws.lambda_.Function(
            "function",
            role=role.arn,
            runtime="python3.13",
            handler="app.handler",
            s3_bucket=bucket.bucket,
            s3_key=artifact.key,
            code_sha256=base64.b64encode(bytes.fromhex(digest)).decode(),
            environment={"variables": {"OUT": out.url}},
            timeout=10,
            publish=True,
            opts=pulumi.ResourceOptions(depends_on=[policy]),
        )
        alias = aws.lambda_.Alias(
            "live", name="live", function_name=function.name, function_version=function.version
        )
        aws.lambda_.EventSourceMapping(
            "source",
            event_source_arn=queue.arn,
            function_name=alias.arn,
            batch_size=1,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": 2},
        )
        pulumi.export("queue", queue.url)
        pulumi.export("out", out.url)
        pulumi.export("version", function.version)
        pulumi.export("function", function.name)

    return program


class TestFunction:
    def receive(self, emulator: Emulator, url: str, seconds: float = 8) -> list[str]:
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if messages:
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return [message["Body"] for message in messages]
            time.sleep(0.05)
        return []

    def test_new_artifact_replaces_the_old_one(
        self, emulator: Emulator, deploy: Any, tmp_path: Path, state: State
    ) -> None:
        sqs = emulator.client("sqs", ACCOUNT, REGION)

        first = deploy(function_program(*bundle(tmp_path, "one")))
        sqs.send_message(QueueUrl=first["queue"], MessageBody="hello")
        answers = self.receive(emulator, first["out"])
        second = deploy(function_program(*bundle(tmp_path, "two")))
        sqs.send_message(QueueUrl=first["queue"], MessageBody="hello")
        answers += self.receive(emulator, first["out"])

        assert answers == ["one hello", "two hello"]
        assert (first["version"], second["version"]) == ("1", "2")
        assert first["function"] == second["function"]
        artifacts = [r for r in state.resources(f"p/{deploy.name}") if "bucketObject" in r.type]
        assert len(artifacts) == 1

    def test_killed_worker_leaves_the_message_in_the_queue(
        self, emulator: Emulator, deploy: Any, tmp_path: Path
    ) -> None:
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        outputs = deploy(function_program(*bundle(tmp_path, "one")))
        emulator.inject(InjectedFault(action="ListClusters", kill=True, after=True, times=1))

        sqs.send_message(QueueUrl=outputs["queue"], MessageBody="run")

        assert self.receive(emulator, outputs["out"]) == ["one run"]
        assert self.receive(emulator, outputs["out"], seconds=1) == []
        counts = sqs.get_queue_attributes(
            QueueUrl=outputs["queue"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"

    def test_digest_of_other_code_is_refused(self, deploy: Any, tmp_path: Path) -> None:
        path, _ = bundle(tmp_path, "one")

        with pytest.raises(EngineError, match="codeSha256 is"):
            deploy(function_program(path, "0" * 64))

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"actions": ["sqs:SendMessage"]}, "permissions to call ReceiveMessage on SQS"),
            ({"actions": ["sqs:*"]}, "permissions to call Decrypt on KMS"),
            ({"visibility": 5}, "5 seconds is less than Function timeout: 10 seconds"),
        ],
    )
    def test_mapping_that_could_not_poll_is_refused(
        self, deploy: Any, tmp_path: Path, changes: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(EngineError, match=text):
            deploy(function_program(*bundle(tmp_path, "one"), **changes))
