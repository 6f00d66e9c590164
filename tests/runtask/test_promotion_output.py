"""`runtask promote` and `runtask rollback` print what was deployed, as a table or as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.manifest import Manifest
from runtask.account import DeployRoleSession, ProfileSessions
from runtask.engine import PulumiEngine
from runtask.errors import ExitCode, UsageError
from runtask.profiles import Profiles
from runtask.project import Project, load_project
from runtask.promotion.command import context as operators_context
from runtask.promotion.command import execute
from runtask.promotion.pin import pinned
from runtask.promotion.promote import Plan, PromotionContext
from runtask.promotion.record import Verification
from runtask.promotion.state import StageState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    import boto3

    from runtask.promotion.rebuild import Rebuilder
    from runtask.promotion.record import Promotion
    from runtask.promotion.store import Store
    from tests.runtask.conftest import Run

OLD, NEW = "0" * 64, "f" * 64
COMMIT = "c" * 40


@dataclass
class FakeFunction:
    """The stage's function, its session and its engine: what is deployed is what it runs."""

    project: Project
    running: str = OLD
    changes: bool = True
    previewed: list[str] = field(default_factory=list)
    deployed: list[str] = field(default_factory=list)

    class exceptions:  # noqa: N801 - a client's own name
        class ResourceNotFoundException(Exception):  # noqa: N818
            pass

    def client(self, service: str) -> FakeFunction:
        assert service == "lambda"
        return self

    def get_function_configuration(self, **_parameters: str) -> dict[str, str]:
        return {"CodeSha256": base64.b64encode(bytes.fromhex(self.running)).decode()}

    def outputs(self, stack: str) -> Mapping[str, Any]:
        raise NotImplementedError(stack)

    def preview(self, stack: str) -> bool:
        self.previewed.append(pinned(self.project.stack_file(stack)))
        return self.changes

    def up(self, stack: str) -> None:
        self.running = pinned(self.project.stack_file(stack))
        self.deployed.append(self.running)


@dataclass
class FakeStore:
    """The record of the last promotion, and nothing to copy."""

    last: Promotion | None = None

    def has_promoted(self, digest: str) -> bool:
        return digest == NEW

    def put_manifest(self, manifest: Manifest) -> bool:
        return manifest.digest == NEW

    def last_promotion(self, stage: str) -> Promotion | None:
        assert stage == "prod"
        return self.last

    def record_promotion(self, stage: str, promotion: Promotion, time: datetime) -> None:
        assert stage == "prod"
        assert promotion.time == time.isoformat(timespec="seconds")
        self.last = promotion


@dataclass
class Stage:
    """Stage prod, which runs OLD and is to run NEW."""

    function: FakeFunction
    store: FakeStore
    plan: Plan
    context: PromotionContext
    questions: list[str]

    def again(self) -> Plan:
        """Return the plan of a second promotion of the same artifact."""
        return replace(self.plan, target=replace(self.plan.target, running=NEW, deployed=NEW))


@pytest.fixture
def stage(folder: Path) -> Stage:
    project = load_project(folder)
    function = FakeFunction(project)
    store = FakeStore()
    deploy_role = DeployRoleSession(
        config=project.stage_config("prod"),
        session=cast("boto3.Session", function),
        identity="arn:aws:sts::222222222222:assumed-role/deploy/runtask",
    )
    state = StageState(
        role=deploy_role, store=cast("Store", store), pinned=OLD, deployed=OLD, running=OLD
    )
    manifest = Manifest(digest=NEW, commit=COMMIT, dirty=False, time="", dependencies={})
    questions: list[str] = []

    def confirm(question: str) -> bool:
        questions.append(question)
        return True

    return Stage(
        function=function,
        store=store,
        plan=Plan(
            digest=NEW,
            manifest=manifest,
            commit=COMMIT,
            verification=Verification.REBUILT,
            target=state,
            source=None,
        ),
        context=PromotionContext(
            project=project,
            engine=function,
            sessions=ProfileSessions(),
            rebuilder=cast("Rebuilder", None),
            say=lambda _text: None,
            confirm=confirm,
        ),
        questions=questions,
    )


def test_what_was_deployed_is_printed_as_json(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(stage.plan, stage.context, dry_run=False, as_json=True) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "stage": "prod",
        "account": "222222222222",
        "region": "eu-central-1",
        "digest": NEW,
        "previous": OLD,
        "commit": COMMIT,
        "verification": "rebuilt",
        "source": "prod",
        "outcome": "deployed",
    }
    assert stage.function.running == NEW


@pytest.mark.parametrize(("terminal", "digits"), [(True, 12), (False, 64)])
def test_a_table_has_the_same_columns_with_short_digests_on_a_terminal(
    stage: Stage,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001
    digits: int,
) -> None:
    monkeypatch.setattr("runtask.console.on_terminal", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "300")
    execute(stage.plan, stage.context, dry_run=False, as_json=False)
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[-1] == "outcome"
    assert row.split() == [
        *("prod", "222222222222", "eu-central-1", "f" * digits, "0" * digits),
        "c" * min(digits, len(COMMIT)),
        *("rebuilt", "prod", "deployed"),
    ]


def test_a_dry_run_is_printed_as_previewed(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(stage.plan, stage.context, dry_run=True, as_json=True) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["outcome"] == "previewed"
    assert (stage.function.running, stage.function.previewed) == (OLD, [NEW])


def test_a_declined_deployment_is_exit_code_1(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    declining = replace(stage.context, confirm=lambda _question: False)
    assert execute(stage.plan, declining, dry_run=False, as_json=True) == ExitCode.FAILED
    assert json.loads(capsys.readouterr().out)["outcome"] == "declined"
    assert stage.function.running == OLD


def test_what_runs_already_is_deployed_without_a_question_if_nothing_changes(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(stage.plan, stage.context, dry_run=False, as_json=True)
    recorded = stage.store.last
    capsys.readouterr()
    stage.questions.clear()
    stage.function.changes = False
    assert execute(stage.again(), stage.context, dry_run=False, as_json=True) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["outcome"] == "unchanged"
    assert stage.questions == []
    assert stage.function.previewed == stage.function.deployed == [NEW, NEW]
    assert stage.store.last is recorded


def test_a_changed_configuration_is_asked_about_deployed_and_recorded(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(stage.plan, stage.context, dry_run=False, as_json=True)
    capsys.readouterr()
    stage.questions.clear()
    assert execute(stage.again(), stage.context, dry_run=False, as_json=True) == ExitCode.OK
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["digest"], result["previous"]) == ("deployed", NEW, NEW)
    (question,) = stage.questions
    assert "ffffffffffff stays, only its configuration changes" in question
    assert stage.function.deployed == [NEW, NEW]
    assert stage.store.last is not None
    assert (stage.store.last.change, stage.store.last.digest) == ("configuration", NEW)
    # What a rollback returns to is still the artifact before this one.
    assert stage.store.last.previous == OLD
    assert str(stage.store.last).endswith(" from prod, configuration only")


def test_a_declined_change_of_the_configuration_is_not_recorded(stage: Stage) -> None:
    execute(stage.plan, stage.context, dry_run=False, as_json=True)
    recorded = stage.store.last
    declining = replace(stage.context, confirm=lambda _question: False)
    assert execute(stage.again(), declining, dry_run=False, as_json=True) == ExitCode.FAILED
    assert stage.function.deployed == [NEW]
    assert stage.store.last is recorded


def test_the_record_names_what_a_rollback_can_return_to(stage: Stage) -> None:
    execute(stage.plan, stage.context, dry_run=False, as_json=True)
    assert stage.store.last is not None
    assert (stage.store.last.digest, stage.store.last.previous) == (NEW, OLD)
    assert stage.store.last.change == "artifact"


def test_a_record_that_an_interruption_prevented_does_not_name_the_artifact_itself(
    stage: Stage,
) -> None:
    execute(stage.plan, stage.context, dry_run=False, as_json=True)
    assert stage.store.last is not None
    stage.store.last = replace(stage.store.last, digest=OLD, previous="")
    stage.function.changes = False
    execute(stage.again(), stage.context, dry_run=False, as_json=True)
    assert (stage.store.last.digest, stage.store.last.previous) == (NEW, OLD)
    assert stage.store.last.change == "artifact"


def test_nothing_is_asked_where_there_is_no_terminal(folder: Path) -> None:
    project = load_project(folder)
    with pytest.raises(UsageError, match="pass --yes"):
        operators_context(project, Profiles(), ask=True)
    assert operators_context(project, Profiles(), ask=False).confirm("Deploy?") is True


def test_pulumi_deploys_with_the_profile_of_the_stage(folder: Path) -> None:

    engine = PulumiEngine.with_profiles(
        folder, Profiles(by_stage={"prod": "acme-prod"}, default=None)
    )
    assert engine.variables("prod") == {"AWS_PROFILE": "acme-prod"}
    assert engine.variables("prod-bootstrap") == {}


@pytest.mark.parametrize("digest", ["abc", "A" * 64, f"{'a' * 64}\n", "../x"])
def test_a_digest_of_another_form_is_an_invalid_command_line(run: Run, digest: str) -> None:
    result = run("promote", "dev", "prod", "--digest", digest, "--yes")
    assert result.exit_code == ExitCode.USAGE
    assert "expected a SHA-256 in 64 hexadecimal digits" in result.output
