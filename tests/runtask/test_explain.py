"""`runtask explain`: what a stage allows, and what a message asks for, without AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from function.message.parameters import PARAMETERS
from runtask.errors import ExitCode
from tests.runtask.conftest import ROOT, Run

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every call of AWS fail."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("AWS was asked")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refused)


def test_every_parameter_is_shown_with_what_the_stage_allows(run: Run) -> None:
    result = run("explain", "--stage", "dev", "--json")
    assert result.exit_code == 0, result.exception
    found = {one["parameter"]: one for one in json.loads(result.stdout)}
    assert found.keys() == {parameter.path for parameter in PARAMETERS}
    assert found["networkConfiguration.awsvpcConfiguration.subnets[]"] == {
        "parameter": "networkConfiguration.awsvpcConfiguration.subnets[]",
        "set_by": "the sender, within an option",
        "options": ["subnets"],
        "enforced_by": "handler",
        "allowed": "nothing",
    }
    assert found["enableExecuteCommand"]["enforced_by"] == (
        "handler, IAM (ecs:enable-execute-command)"
    )
    # Closed by ebsVolumes, whatever the option of its own says.
    assert found["volumeConfigurations[].managedEBSVolume.sizeInGiB"]["allowed"] == "nothing"
    assert found["overrides.containerOverrides[].command[]"]["allowed"] == "anything"
    assert found["clientToken"]["allowed"] == "nothing"


def test_an_option_of_the_stage_is_shown(run: Run, folder: Path) -> None:
    with (folder / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
        file.write("  ecs-run-task:tagKeys: [team]\n  ecs-run-task:maxCount: 2\n")
    result = run("explain", "--stage", "dev", "--json")
    found = {one["parameter"]: one["allowed"] for one in json.loads(result.stdout)}
    assert found["tags[].key"] == "team"
    assert found["tags[].value"] == "any, of the keys team"
    assert found["count"] == "1 to 2"


def test_without_a_stage_only_the_rules_are_shown(run: Run) -> None:
    result = run("explain", "--json")
    assert {one["allowed"] for one in json.loads(result.stdout)} == {None}
    assert "allowed here" not in run("explain").stdout
    assert "allowed here" in run("explain", "--stage", "dev").stdout


@pytest.mark.parametrize(
    "name", ["run-task.json", "flat.json", "without-network.yaml", "several.json"]
)
def test_the_examples_are_allowed_by_the_sample_stage(run: Run, name: str) -> None:
    result = run("explain", str(EXAMPLES / name), "--stage", "dev")
    assert result.exit_code == 0, result.stdout


def test_each_refusal_of_a_message_is_shown_with_its_option(run: Run) -> None:
    files = [str(EXAMPLES / name) for name in ("run-task.json", "own-network.yaml")]
    result = run("explain", *files, "--stage", "dev", "--json")
    assert result.exit_code == ExitCode.USAGE
    fine, refused = json.loads(result.stdout)
    assert fine["refusals"] == []
    assert [one["reason"] for one in refused["refusals"]] == ["not-allowed"] * 3
    options = {one["error"].rpartition(":")[2] for one in refused["refusals"]}
    assert options == {"subnets", "securityGroups", "tagKeys"}
    assert refused["asks"]["tags[0].key"] == "team"


def test_a_message_that_cannot_be_read_is_refused_as_the_handler_would(run: Run) -> None:
    result = run("explain", str(EXAMPLES / "invalid.json"), "--stage", "dev", "--json")
    (message,) = json.loads(result.stdout)
    assert result.exit_code == ExitCode.USAGE
    assert [one["reason"] for one in message["refusals"]] == ["wrong-type"]


def test_what_can_be_a_secret_is_not_shown(run: Run) -> None:
    override = {
        "name": "report",
        "command": ["run", "--password", "hunter2"],
        "environment": [{"name": "TOKEN", "value": "hunter2"}],
    }
    body = {
        "cluster": "batch",
        "taskDefinition": "report",
        "overrides": {"containerOverrides": [override]},
    }
    for form in ((), ("--json",)):
        result = run("explain", "-", "--stage", "dev", *form, stdin=json.dumps(body))
        assert result.exit_code == 0, result.exception
        assert "TOKEN" in result.stdout
        assert "hunter2" not in result.stdout


def test_a_terminal_gets_no_control_characters_of_a_message(run: Run) -> None:
    body = {"cluster": "batch", "taskDefinition": "report", "group": "\x1b[31mred", "\x1b[1m": 1}
    result = run("explain", "-", "--stage", "dev", stdin=json.dumps(body))
    assert "\x1b[31m" not in result.stdout
    assert "\x1b[1m:" not in result.stdout


def test_files_need_a_stage(run: Run) -> None:
    result = run("explain", str(EXAMPLES / "run-task.json"))
    assert "--stage is missing" in str(result.exception)


def test_the_option_that_was_replaced_names_its_successors(run: Run, folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("taskRoles", "passRoles")
    file.write_text(text, encoding="utf-8")
    assert str(run("explain", "--stage", "dev").exception) == (
        "Pulumi.dev.yaml: ecs-run-task:passRoles was replaced by taskRoles, executionRoles and"
        " volumeRoles; move each value to its list"
    )


EVENT = {"id": "6a7e8feb-b491-4cf7", "detail-type": "Closed", "detail": {"month": "hunter2-10"}}
TEMPLATE = (
    "{cluster: 'batch', service: 'report-service', taskDefinition: 'report', overrides:"
    " {containerOverrides: [{command: ['report', detail.month]}]}}"
)


def set_option(folder: Path, option: str, value: object) -> None:
    with (folder / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  ecs-run-task:{option}: {json.dumps(value)}\n")


def test_an_event_is_explained_by_the_template_of_the_stage(run: Run, folder: Path) -> None:
    set_option(folder, "templates", json.dumps({"eventbridge": TEMPLATE}))
    result = run("explain", "-", "--stage", "dev", "--json", stdin=json.dumps(EVENT))
    assert result.exit_code == 0, result.exception
    (found,) = json.loads(result.stdout)
    assert (found["event"], found["key"]) == ("eventbridge", EVENT["id"])
    assert found["asks"]["taskDefinition"] == "report"
    table = run("explain", "-", "--stage", "dev", stdin=json.dumps(EVENT)).stdout
    assert "(event)" in table
    assert str(EVENT["id"]) in table
    assert "hunter2" not in table + result.stdout


def test_an_event_that_makes_no_request_names_the_template(run: Run, folder: Path) -> None:
    set_option(folder, "templates", json.dumps({"eventbridge": "detail.nothing"}))
    result = run("explain", "-", "--stage", "dev", "--json", stdin=json.dumps(EVENT))
    assert result.exit_code == ExitCode.USAGE
    (found,) = json.loads(result.stdout)
    assert [one["reason"] for one in found["refusals"]] == ["template"]
    assert found["refusals"][0]["error"].startswith(
        "Pulumi.dev.yaml: ecs-run-task:templates: eventbridge: expected an object"
    )


def test_an_event_without_a_template_is_refused(run: Run) -> None:
    result = run("explain", "-", "--stage", "dev", "--json", stdin=json.dumps(EVENT))
    (found,) = json.loads(result.stdout)
    assert [one["reason"] for one in found["refusals"]] == ["envelope"]
    assert found["event"] is None


def test_a_payload_is_explained_by_its_size(run: Run, folder: Path) -> None:
    file = str(EXAMPLES / "payload.json")
    closed = run("explain", file, "--stage", "dev", "--json")
    assert closed.exit_code == ExitCode.USAGE
    (refused,) = json.loads(closed.stdout)
    assert refused["refusals"][0]["error"].endswith("Pulumi.dev.yaml: ecs-run-task:payloads: true")
    set_option(folder, "payloads", value=True)
    result = run("explain", file, "--stage", "dev", "--json")
    assert result.exit_code == 0, result.stdout
    (found,) = json.loads(result.stdout)
    assert found["asks"]["payload"] == "*** (89 bytes)"
    assert "19.90" not in result.stdout


def test_the_variables_of_a_payload_are_in_the_dry_run(run: Run, folder: Path) -> None:
    set_option(folder, "payloads", value=True)
    file = str(EXAMPLES / "payload.json")
    options = ("--stage", "dev", "--dry-run", "--key", "k", "--json")
    shown = json.loads(run("send", file, *options, "--show-values").stdout)
    (container,) = shown[0]["request"]["overrides"]["containerOverrides"]
    uri, sha256 = container["environment"]
    assert uri["value"].startswith("s3://ecs-run-task-dev-payloads-0000000/payloads/k/")
    assert len(sha256["value"]) == 64
    masked = run("send", file, *options)
    assert uri["value"] not in masked.stdout
    assert "19.90" not in masked.stdout


def test_the_limits_that_hold_are_explained(run: Run, folder: Path) -> None:
    set_option(folder, "limits", value='{"*": {"maxRuntime": "4h", "concurrency": 3}}')
    body = json.loads((EXAMPLES / "run-task.json").read_text(encoding="utf-8"))
    body["ECS"]["limits"] = {"maxRuntime": "30m"}
    result = run("explain", "-", "--stage", "dev", "--json", stdin=json.dumps(body))
    assert result.exit_code == 0, result.stdout
    (found,) = json.loads(result.stdout)
    limits = {name: value for name, value in found["asks"].items() if name.startswith("limits.")}
    family = body["ECS"]["taskDefinition"]
    assert limits == {
        "limits.maxRuntime": "30m",
        "limits.concurrency.max": 3,
        "limits.concurrency.group": family,
    }
