"""Two accounts with bootstrap stacks, for tests of promotions and permissions."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.bundle import build_bundle
from rehearsal.engine import EmulatorSessions, InProcessEngine
from rehearsal.fault_injection import FaultyEmulator
from rehearsal.sample_account import with_names, with_sample_account
from runtask.project import Project, load_project
from runtask.promotion.promote import Outcome, PromotionContext, plan_promotion, promote
from runtask.promotion.state import StageState, load_stage_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtask.account import Sessions
    from runtask.promotion.rebuild import Rebuilder

ROOT: Final = Path(__file__).resolve().parents[2]
REGION: Final = "eu-central-1"
DEV, PROD = "111111111111", "222222222222"
DEPLOY_ROLE: Final = f"ecs-run-task-deploy-{REGION}"


@dataclass(frozen=True, kw_only=True)
class PreviewingEngine(InProcessEngine):
    """Compares a stack's configuration with the one that it was last deployed with."""

    deployed: dict[str, dict[str, str]] = field(default_factory=dict)

    def preview(self, stack: str) -> bool:
        return self.deployed.get(stack) != self.project.stack_config(stack)

    def up(self, stack: str) -> None:
        super().up(stack)
        self.deployed[stack] = self.project.stack_config(stack)


class UnchangedSources:
    """Takes every commit for the sources that are here, which can be changed while one works."""

    def rebuild(self, commit: str) -> str:
        del commit
        return build_bundle().digest


@dataclass
class Accounts:
    """A copy of the project, deployed to an emulator of its own."""

    emulator: FaultyEmulator
    project: Project
    engine: InProcessEngine
    said: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answer: bool = True
    rebuilder: Rebuilder = field(default_factory=UnchangedSources)

    def context(self, sessions: Sessions | None = None) -> PromotionContext:
        return PromotionContext(
            project=self.project,
            engine=self.engine,
            sessions=sessions or EmulatorSessions(emulator=self.emulator),
            rebuilder=self.rebuilder,
            say=self.said.append,
            confirm=self.confirm,
        )

    def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer

    def promote(
        self, target: str = "prod", *, allow_dirty: bool = True, digest: str = ""
    ) -> Outcome:
        context = self.context()
        plan = plan_promotion("dev", target, context, allow_dirty=allow_dirty, digest=digest)
        return promote(plan, context)

    def stage_state(self, stage: str) -> StageState:
        return load_stage_state(self.project, stage, self.engine, self.context().sessions)

    def file(self, stage: str) -> str:
        return self.project.stack_file(stage).read_text(encoding="utf-8")

    def configure(self, stage: str, line: str) -> None:
        """Add a line to the configuration of a stage."""
        with self.project.stack_file(stage).open("a", encoding="utf-8") as file:
            file.write(f"  {line}\n")

    def new_stage(self, name: str) -> str:
        """Add one more stage to the prod account, which shares its bootstrap stack."""
        text = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
        path = self.project.stack_file(name)
        path.write_text(f"{text}  ecs-run-task:bootstrap: prod-bootstrap\n", encoding="utf-8")
        return name

    def client(self, service: str, account: str) -> Any:
        return self.emulator.client(service, account, REGION)

    def bucket(self, stage: str) -> str:
        return str(self.engine.outputs(f"{stage}-bootstrap")["artifactBucket"])

    def keys(self, stage: str, account: str) -> set[str]:
        listed = self.client("s3", account).list_objects_v2(Bucket=self.bucket(stage))
        return {entry["Key"] for entry in listed.get("Contents", [])}

    def read(self, stage: str, account: str, object_key: str) -> bytes:
        answer = self.client("s3", account).get_object(Bucket=self.bucket(stage), Key=object_key)
        content: bytes = answer["Body"].read()
        return content

    def write(self, stage: str, account: str, object_key: str, content: bytes) -> None:
        """Write an object of a stage's bucket as the account's deploy role can."""
        self.client("s3", account).put_object(
            Bucket=self.bucket(stage),
            Key=object_key,
            Body=content,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.engine.outputs(f"{stage}-bootstrap")["artifactKmsKeyArn"],
        )

    def empty_bucket(self, stage: str, account: str) -> None:
        for key in self.keys(stage, account):
            self.client("s3", account).delete_object(Bucket=self.bucket(stage), Key=key)

    def deploy_policy(self, account: str) -> tuple[str, dict[str, Any]]:
        """Return name and document of the deploy role's inline policy."""
        iam = self.client("iam", account)
        (name,) = iam.list_role_policies(RoleName=DEPLOY_ROLE)["PolicyNames"]
        document = iam.get_role_policy(RoleName=DEPLOY_ROLE, PolicyName=name)["PolicyDocument"]
        return name, json.loads(document) if isinstance(document, str) else document


@contextmanager
def two_accounts(*stacks: str) -> Iterator[Accounts]:
    """Start an emulator and deploy stacks from a copy of the committed files."""
    with FaultyEmulator.start() as emulator:
        folder = emulator.folder / "project"
        folder.mkdir()
        for path in ROOT.glob("Pulumi*.yaml"):
            shutil.copy(path, folder)
        project = load_project(folder)

        def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
            if stack.endswith("-bootstrap"):
                account = project.stack_config(stack)["aws:allowedAccountIds"]
                root = f"arn:aws:iam::{json.loads(account)[0]}:root"
                return with_names(config, {"deployPrincipals": [root]})
            return with_sample_account(config, project.stage_config(stack).location)

        said: list[str] = []
        engine = PreviewingEngine(project=project, emulator=emulator, say=said.append, adapt=adapt)
        for stack in stacks:
            engine.up(stack)
        yield Accounts(emulator=emulator, project=project, engine=engine, said=said)
