"""`runtask init` writes stack files that are right, and changes only what is asked for."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import boto3
import pytest
from click.testing import CliRunner, Result

from runtask.cli import cli
from runtask.project import load_project
from runtask.promotion.pin import pin
from runtask.routes import Route, routes
from runtask.stack_files import check_stack_files
from tests.runtask.conftest import DEV_ACCOUNT, REGION, ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEV, PROD, QA = "123456789012", "210987654321", "345678901234"
COMMON = ("--region", REGION, "--cluster", "jobs", "--task-definition", "etl")
ROLES = ("--execution-role", "etl-execution", "--deploy-principal", "administrator")
ACCOUNTS = ("--account", f"dev={DEV}", "--account", f"prod={PROD}")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return a folder with Pulumi.yaml alone."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path


def init(folder: Path, *arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(cli, ["init", *arguments, "--project", str(folder)], input=answers)


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("Pulumi.*.yaml")}


def written(folder: Path) -> dict[str, str]:
    done = init(folder, *ACCOUNTS, *COMMON, *ROLES, "--yes")
    assert done.exit_code == 0, done.output
    return texts(folder)


def test_from_nothing_there_are_four_right_files(empty: Path) -> None:
    assert sorted(written(empty)) == [
        f"Pulumi.{stack}.yaml" for stack in ("dev-bootstrap", "dev", "prod-bootstrap", "prod")
    ]
    project = load_project(empty)
    check_stack_files(project)
    assert routes(project) == [Route(stage="dev", source=""), Route(stage="prod", source="dev")]
    config = project.stage_config("prod")
    assert (config.location.account, config.clusters) == (PROD, ("jobs",))
    assert config.execution_roles == (f"arn:aws:iam::{PROD}:role/etl-execution",)


def test_the_samples_of_a_fresh_clone_are_replaced(folder: Path) -> None:
    found = written(folder)
    assert len(found) == 4
    assert not any(word in text for text in found.values() for word in ("1111", "2222", "report"))


def test_run_again_it_changes_nothing(empty: Path) -> None:
    before = written(empty)
    done = init(empty, *ACCOUNTS, *COMMON, *ROLES, "--yes")
    assert "nothing changes" in done.output
    assert texts(empty) == before


def test_only_what_is_asked_for_changes_and_comments_stay(empty: Path) -> None:
    written(empty)
    file = empty / "Pulumi.prod.yaml"
    mine = "  ecs-run-task:maxCount: 3 # no more, please\n"
    file.write_text(file.read_text(encoding="utf-8") + mine, encoding="utf-8")
    pin(file, "f" * 64)
    before = texts(empty)

    done = init(empty, "--cluster", "prod=jobs", "--cluster", "prod=nightly", "--yes", "--json")

    assert {one["file"]: one["action"] for one in json.loads(done.stdout)} == {
        "Pulumi.dev.yaml": "unchanged",
        "Pulumi.dev-bootstrap.yaml": "unchanged",
        "Pulumi.prod.yaml": "changed",
        "Pulumi.prod-bootstrap.yaml": "changed",
    }
    after = texts(empty)
    added = set(after["Pulumi.prod.yaml"].splitlines()) - set(
        before["Pulumi.prod.yaml"].splitlines()
    )
    assert added == {"    - nightly"}
    assert mine in after["Pulumi.prod.yaml"]


def test_a_stage_that_is_added_is_promoted_from_the_one_that_is_named(empty: Path) -> None:
    written(empty)
    options = ("--account", f"qa={QA}", "--deploy-principal", "qa=administrator")
    assert init(empty, "--add-stage", "qa", "--from", "dev", *options, "--yes").exit_code == 0
    project = load_project(empty)
    check_stack_files(project)
    assert Route(stage="qa", source="dev") in routes(project)
    readers = project.stack_config("dev-bootstrap")["ecs-run-task:artifactReaders"]
    assert readers.count(PROD) == readers.count(QA) == 1
    assert project.stage_config("qa").clusters == ("jobs",)


def test_a_stage_in_the_account_of_another_has_no_bootstrap_stack_of_its_own(empty: Path) -> None:
    written(empty)
    assert init(empty, "--add-stage", "test", "--account", f"test={DEV}", "--yes").exit_code == 0
    assert not (empty / "Pulumi.test-bootstrap.yaml").exists()
    assert load_project(empty).stage_config("test").bootstrap == "dev-bootstrap"
    assert init(empty, "--account", f"prod={DEV}", "--yes").exit_code == 0
    assert not (empty / "Pulumi.prod-bootstrap.yaml").exists()
    check_stack_files(load_project(empty))


def test_another_account_or_region_is_one_command(empty: Path) -> None:
    written(empty)
    assert init(empty, "--account", f"prod={QA}", "--yes").exit_code == 0
    assert init(empty, "--region", "prod=eu-west-1", "--yes").exit_code == 0
    found = texts(empty)
    assert not any(PROD in text for name, text in found.items() if "prod" in name)
    assert f"role/ecs-run-task-deploy-eu-west-1" in found["Pulumi.prod.yaml"]  # noqa: F541
    project = load_project(empty)
    check_stack_files(project)
    assert (
        f'"{DEV}/{REGION}"'
        in project.stack_config("prod-bootstrap")["ecs-run-task:artifactSources"]
    )


def test_a_dry_run_shows_the_files_and_writes_none(empty: Path) -> None:
    done = init(empty, *ACCOUNTS, *COMMON, *ROLES, "--dry-run")
    assert done.exit_code == 0
    assert "ecs-run-task:boundaryClusters:\n    - jobs" in done.stderr
    assert texts(empty) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), 2, "no terminal to ask for confirmation; pass --yes"),
        (("--yes",), 2, "--account is missing for stage dev"),
        ((*ACCOUNTS, "--yes"), 2, "--region is missing for stage dev"),
        ((*ACCOUNTS, "--region", REGION, "--yes"), 2, "--cluster is missing for stage dev"),
        (("--account", "pord=1", "--yes"), 2, "there is no stage pord; expected dev, prod"),
        (("--add-stage", "qa", "--from", "dev", "--yes"), 2, "--from dev: there is no such stage"),
        (
            ("--account", "12", *COMMON, *ROLES, "--yes"),
            3,
            "expected exactly one account id of twelve digits",
        ),
        ((*ACCOUNTS, *COMMON, *ROLES, "--region", "mars", "--yes"), 3, "found 'mars'"),
        (("--add-stage", "Qa", "--account", DEV, *COMMON, *ROLES, "--yes"), 3, "found 'Qa'"),
    ],
)
def test_bad_input_is_a_message_and_writes_nothing(
    empty: Path,
    arguments: tuple[str, ...],
    code: int,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    done = init(empty, *arguments)
    assert getattr(done.exception, "exit_code", done.exit_code) == code
    assert expected in f"{done.output}{done.exception}"
    assert texts(empty) == {}


def make_account() -> None:
    """Make a cluster, and a task definition with its roles."""
    ecs = boto3.client("ecs", region_name=REGION)
    ecs.create_cluster(clusterName="jobs")
    ecs.register_task_definition(
        family="etl",
        taskRoleArn=f"arn:aws:iam::{DEV_ACCOUNT}:role/etl-task",
        executionRoleArn=f"arn:aws:iam::{DEV_ACCOUNT}:role/etl-execution",
        containerDefinitions=[{"name": "etl", "image": "etl", "memory": 128}],
    )


@pytest.mark.usefixtures("aws")
def test_at_a_terminal_what_the_account_has_is_offered(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account()
    monkeypatch.setattr("runtask.commands.init._at_terminal", lambda: True)
    # Only the region and who deploys are typed; everything else is offered.
    answers = f"\n{REGION}\n\n\n\n\nadministrator\ny\n"
    done = init(empty, "--add-stage", "only", answers=answers)
    assert done.exit_code == 0, done.output
    assert f"id of its account [{DEV_ACCOUNT}]" in done.stderr
    config = load_project(empty).stage_config("only")
    assert (config.clusters, config.task_definitions) == (("jobs",), ("etl",))
    assert config.task_roles == (f"arn:aws:iam::{DEV_ACCOUNT}:role/etl-task",)


@pytest.mark.usefixtures("aws")
def test_without_a_terminal_it_is_taken_if_that_is_asked_for(empty: Path) -> None:
    make_account()
    options = ("--region", REGION, "--deploy-principal", "administrator", "--yes")
    done = init(empty, "--add-stage", "only", "--discover", *options)
    assert done.exit_code == 0, done.output
    config = load_project(empty).stage_config("only")
    assert config.location.account == DEV_ACCOUNT
    assert config.execution_roles == (f"arn:aws:iam::{DEV_ACCOUNT}:role/etl-execution",)


def test_an_answer_of_no_writes_nothing(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtask.commands.init._at_terminal", lambda: True)
    monkeypatch.setattr("runtask.setup.answers.Answers._session", lambda *_any: None)
    roles = ("--task-role", "etl-task")
    done = init(empty, *ACCOUNTS, *COMMON, *ROLES, *roles, answers="n\n")
    assert done.exit_code == 1, done.output
    assert texts(empty) == {}
