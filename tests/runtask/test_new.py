"""`runtask new` makes a message file of what runs, and it can be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from runtask.messages import read_messages
from tests.runtask.conftest import DEV_ACCOUNT, REGION, ROOT, Run
from tests.runtask.operator_stage import make_service

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ["report", "--month", "it's: 100 %", "Zoë"]


@pytest.fixture
def service(aws: None) -> None:  # noqa: ARG001 - AWS has to be there
    """Make the sample account's service, with a sidecar, and an environment with a secret."""
    make_service(
        {"name": "log-router", "image": "log-router", "essential": False},
        {
            "name": "report",
            "image": "report",
            "command": COMMAND,
            "environment": [{"name": "TOKEN", "value": "hidden"}],
        },
    )


def asked(path: Path) -> dict[str, Any]:
    (message,) = read_messages([str(path)], None)
    content: dict[str, Any] = json.loads(message.body)["ECS"]
    return content


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "source",
    ["batch/report-service", f"arn:aws:ecs:{REGION}:{DEV_ACCOUNT}:service/batch/report-service"],
)
def test_a_service_becomes_a_message_that_the_stage_takes(
    run: Run, tmp_path: Path, source: str
) -> None:
    file = tmp_path / "nightly.yaml"
    done = run("new", str(file), "--from", source, "--stage", "dev")
    assert done.exit_code == 0, done.output
    assert "would reject" not in done.stderr
    assert asked(file) == {
        "cluster": "batch",
        "service": "report-service",
        "launchType": "FARGATE",
        "taskDefinition": "report",
        "overrides": {"containerOverrides": [{"name": "report", "command": COMMAND}]},
    }
    text = file.read_text(encoding="utf-8")
    assert "Set by the task definition already: TOKEN." in text
    assert "hidden" not in text
    schema = text.splitlines()[0].partition("$schema=")[2]
    assert (file.parent / schema).resolve() == ROOT / "schemas" / "message.schema.json"
    assert run("send", str(file), "--stage", "dev", "--dry-run").exit_code == 0


@pytest.mark.usefixtures("service")
def test_a_task_definition_becomes_a_message_and_the_missing_network_is_said(run: Run) -> None:
    done = run("new", "--from", "report", "--stage", "dev")
    assert done.exit_code == 0, done.output
    assert "# Name the service whose network the task gets: `service: NAME`." in done.stdout
    content = YAML(typ="safe").load(done.stdout)["ECS"]
    assert (content["cluster"], content["taskDefinition"]) == ("batch", "report")


def test_without_a_source_it_is_made_of_the_stages_file(run: Run) -> None:
    done = run("new", "--stage", "dev", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ECS"]["taskDefinition"] == "report"


@pytest.mark.usefixtures("service")
def test_what_the_stage_does_not_allow_is_said(run: Run, folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("    - report\n", "    - another\n")
    file.write_text(text, encoding="utf-8")
    done = run("new", "--from", "report", "--stage", "dev")
    assert done.exit_code == 0
    assert "stage dev would reject it: ECS.taskDefinition" in done.stderr


def test_a_file_that_exists_stays_unless_it_is_to_be_replaced(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine", encoding="utf-8")
    done = run("new", str(file), "--stage", "dev")
    assert "exists; name another file, or replace it with --force" in str(done.exception)
    assert file.read_text(encoding="utf-8") == "mine"
    assert run("new", str(file), "--stage", "dev", "--force").exit_code == 0
    assert asked(file)["cluster"] == "batch"


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("batch/reprot-service", "there is no service reprot-service in cluster batch"),
        ("btach/report-service", "there is no cluster btach"),
        ("reprot", "expected CLUSTER/SERVICE or a task definition"),
    ],
)
def test_an_unknown_source_is_exit_code_2_with_what_is_there(
    run: Run, source: str, expected: str
) -> None:
    done = run("new", "--from", source, "--stage", "dev")
    assert getattr(done.exception, "exit_code", 0) == 2
    assert expected in str(done.exception)


def test_a_folder_that_does_not_exist_is_a_message(run: Run, tmp_path: Path) -> None:
    done = run("new", str(tmp_path / "gone" / "a.yaml"), "--stage", "dev")
    assert getattr(done.exception, "exit_code", 0) == 2
    assert "No such file or directory" in str(done.exception)
