"""Lambda functions of the in-process engine: artifacts, versions, event source mappings."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws
import pytest

from rehearsal.engine import EngineError
from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, trust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rehearsal.engine import State
    from rehearsal.fault_injection import FaultyEmulator


HANDLER: Final = """
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
        role = aws.iam.Role("role", assume_role_policy=json.dumps(trust("lambda")))
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
    def receive(self, emulator: FaultyEmulator, url: str, seconds: float = 8) -> list[str]:
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
        self, emulator: FaultyEmulator, deploy: Any, tmp_path: Path, state: State
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
        self, emulator: FaultyEmulator, deploy: Any, tmp_path: Path
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
