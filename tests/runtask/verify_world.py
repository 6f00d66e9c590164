"""A deployed stage in memory, with a handler that launches what it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from function.message.idempotency import started_by
from runtask.account import AccountSession, DeployRoleSession
from runtask.messages import Message
from runtask.promotion.state import StageState
from runtask.verification.canary import Canary
from runtask.verification.context import Verification, VerificationContext
from tests.runtask.verify_services import (
    ACCOUNT,
    DEAD,
    REGION,
    WORK,
    FakeClock,
    FakeEcs,
    FakeIam,
    FakeLambda,
    FakeLogs,
    FakeSession,
    FakeSqs,
    error,
)

if TYPE_CHECKING:
    from runtask.project import Project
    from runtask.verification.finding import Finding

KMS_KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/stage"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/ecs-run-task-deploy-{REGION}"
DIGEST: Final = "0" * 64
MEBIBYTE: Final = "1048576"

OUTPUTS: Final[dict[str, Any]] = {
    "stage": "dev",
    "account": ACCOUNT,
    "region": REGION,
    "queueUrl": WORK,
    "deadLetterQueueUrl": DEAD,
    "failureTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:ecs-run-task-dev-failures",
    "kmsKeyArn": KMS_KEY,
    "functionName": "ecs-run-task-dev",
    "functionVersion": "3",
    "logGroup": "/aws/lambda/ecs-run-task-dev",
    "artifactBucket": "ecs-run-task-artifacts",
    "artifactDigest": DIGEST,
}


def queue_attributes(name: str, **more: str) -> dict[str, str]:
    return {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        "KmsMasterKeyId": KMS_KEY,
        "MaximumMessageSize": MEBIBYTE,
        **more,
    }


class NoRole:
    """Sessions of an operator who may assume no role."""

    def own(self, _stage: str, _location: object) -> FakeSession:
        return FakeSession({"sts": self})

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice"}

    def assume_role(self, **_parameters: Any) -> None:
        raise error("AccessDenied", "AssumeRole")


@dataclass
class World:
    """The stage, with a handler that launches what it is sent and rejects what is invalid."""

    project: Project
    clock: FakeClock = field(default_factory=FakeClock)
    ecs: FakeEcs = field(default_factory=FakeEcs)
    sqs: FakeSqs = field(default_factory=FakeSqs)
    functions: FakeLambda = field(default_factory=FakeLambda)
    logs: FakeLogs = field(default_factory=FakeLogs)
    iam: FakeIam = field(default_factory=FakeIam)
    said: list[str] = field(default_factory=list)
    token: bool = True
    dead_letter_reason: str = "unknown-parameter"
    handles: bool = True

    def __post_init__(self) -> None:
        self.sqs.on_send = self._handle
        dead = queue_attributes("ecs-run-task-dev-dlq", MessageRetentionPeriod="1209600")
        redrive = {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 1000}
        self.sqs.attributes = {
            DEAD: dead,
            WORK: queue_attributes(
                "ecs-run-task-dev",
                VisibilityTimeout="360",
                MessageRetentionPeriod="345600",
                RedrivePolicy=json.dumps(redrive),
            ),
        }

    def _handle(self, message: dict[str, Any]) -> None:
        if not self.handles:
            return
        self.sqs.lists[WORK].remove(message)
        key = message["MessageAttributes"]["key"]["StringValue"]
        if "noSuchParameter" in message["Body"]:
            texts = {
                "key": key,
                "messageId": message["MessageId"],
                "reason": self.dead_letter_reason,
            }
            self.dead_letter(**texts)
            return
        call = {"startedBy": started_by("dev", key)}
        self.ecs.run_task(**call, **({"clientToken": f"{key}-0-0"} if self.token else {}))
        line = {"message": "message launched", "message_id": message["MessageId"]}
        self.logs.lines.append(json.dumps(line))

    def dead_letter(self, **texts: str) -> None:
        attributes = {
            name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
        }
        self.sqs.put(DEAD, "{}", attributes)

    def verification(self, *, canary: bool = True, probe_aws: bool = True) -> Verification:
        config = self.project.stage_config("dev")
        services = {
            "ecs": self.ecs,
            "sqs": self.sqs,
            "lambda": self.functions,
            "logs": self.logs,
            "iam": self.iam,
        }
        session = cast("Any", FakeSession(services))
        role = DeployRoleSession(
            config=config,
            session=session,
            identity=f"arn:aws:sts::{ACCOUNT}:assumed-role/ecs-run-task-deploy-{REGION}/runtask",
        )
        context = VerificationContext(
            project=self.project,
            config=config,
            engine=cast("Any", None),
            sessions=cast("Any", NoRole()),
            say=self.said.append,
            confirm=lambda _question: True,
            probe_aws=probe_aws,
            clock=self.clock,
        )
        return Verification(
            context=context,
            operator=AccountSession(
                config=config, session=session, identity=f"arn:aws:iam::{ACCOUNT}:user/alice"
            ),
            state=StageState(
                role=role,
                store=cast("Any", None),
                pinned="build",
                deployed=DIGEST,
                running=DIGEST,
            ),
            outputs=dict(OUTPUTS),
            deploy_role_arn=ROLE,
            canary=planned() if canary else None,
        )


def found(finding: Finding) -> tuple[str, str]:
    return finding.status.value, finding.sentence.in_full()


def planned() -> Canary:
    key = "verify-0123456789"
    call = {
        "cluster": "batch",
        "taskDefinition": "report",
        "launchType": "FARGATE",
        "startedBy": started_by("dev", key),
        "clientToken": f"{key}-0-0",
    }
    definition = {
        "cpu": "256",
        "memory": "512",
        "compatibilities": ["EC2", "FARGATE"],
        "containerDefinitions": [
            {"name": "log-router", "essential": False},
            {"name": "report"},
        ],
    }
    return Canary(
        message=Message(source="test", body='{"ECS": {}}', key=key),
        call=call,
        definition=cast("Any", definition),
    )
