"""`runtask doctor`: each line is ok, warn or fail, with the fix."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

import pytest

from runtask.account import AccountSession
from runtask.configuration_drift import stale_variables
from runtask.doctor import stage as stage_module
from runtask.doctor.check import Check, Verdict
from runtask.doctor.machine import machine_checks
from runtask.doctor.quotas import quota_checks
from runtask.doctor.stage import clock_check, probe_checks, stage_checks
from runtask.errors import AccountError, RuntaskError
from runtask.project import load_project
from runtask.sending import handler_settings
from tests.runtask.verify_services import WORK, FakeSession, error
from tests.runtask.verify_world import OUTPUTS, ROLE, World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtask.conftest import Run


@dataclass
class FakeQuotas:
    values: dict[str, float] = field(default_factory=dict)
    refused: str = ""

    def get_service_quota(self, **parameters: str) -> dict[str, Any]:
        if self.refused:
            raise error(self.refused, "GetServiceQuota")
        if parameters["QuotaCode"] not in self.values:
            raise error("NoSuchResourceException", "GetServiceQuota")
        return {"Quota": {"Value": self.values[parameters["QuotaCode"]]}}

    def get_aws_default_service_quota(self, **_parameters: str) -> dict[str, Any]:
        return {"Quota": {"Value": 20.0}}


@dataclass
class FakeSts:
    seconds_off: float = 0.0

    def get_caller_identity(self) -> dict[str, Any]:
        date = formatdate(time.time() + self.seconds_off, usegmt=True)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}


def account(folder: Path, **services: object) -> AccountSession:
    names = {name.replace("_", "-"): service for name, service in services.items()}
    return AccountSession(
        config=load_project(folder).stage_config("dev"),
        session=cast("Any", FakeSession(cast("Any", names))),
        identity="arn:aws:iam::111111111111:user/alice",
    )


def verdicts(checks: list[Check]) -> dict[str, Verdict]:
    return {one.check: one.verdict for one in checks}


@dataclass
class FakeEngine:
    deployed: bool = True
    broken: bool = False

    def outputs(self, stack: str) -> dict[str, Any]:
        if self.broken:
            raise RuntaskError("the Pulumi CLI is not on the PATH; install it")
        if not self.deployed:
            return {}
        return {"deployRoleArn": ROLE} if stack.endswith("-bootstrap") else dict(OUTPUTS)


def run_stage(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    engine: FakeEngine | None = None,
    stale: tuple[str, ...] = (),
) -> list[Check]:
    verification = world.verification(canary=False)
    session = cast("FakeSession", verification.operator.session)
    session.services |= {"sts": FakeSts(), "service-quotas": FakeQuotas()}
    state = replace(verification.state, stale=stale)
    monkeypatch.setattr(stage_module, "sign_in", lambda *_any: verification.operator)
    monkeypatch.setattr(stage_module, "load_stage_state", lambda *_any: state)
    return list(
        stage_checks(world.project, "dev", cast("Any", engine or FakeEngine()), cast("Any", None))
    )


def test_a_stage_as_configured_is_ok(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    config = world.project.stage_config("dev")
    definition = config.location.arn("ecs", "task-definition/report:1")
    roles = (*config.task_roles, *config.execution_roles)
    world.iam.allowed = {("ecs:RunTask", definition), *(("iam:PassRole", one) for one in roles)}
    found = run_stage(world, monkeypatch)
    assert [one for one in found if one.verdict is not Verdict.OK] == []
    assert all(one.stage == "dev" and not one.fix for one in found)
    names = {one.check for one in found}
    assert {"credentials", "clock", "artifact", "configuration", "work-queue", "quotas"} <= names


def test_a_stage_that_was_never_deployed_says_what_to_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = run_stage(world, monkeypatch, FakeEngine(deployed=False))[-1]
    assert (last.check, last.verdict, last.fix) == (
        "stacks",
        Verdict.FAIL,
        "run: pulumi up -s dev-bootstrap",
    )


def test_without_the_pulumi_cli_the_rest_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = run_stage(world, monkeypatch, FakeEngine(broken=True))[-1]
    assert (last.verdict, last.found, last.fix) == (
        Verdict.FAIL,
        "the Pulumi CLI is not on the PATH",
        "install it",
    )


def test_options_that_were_not_deployed_are_a_warning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {one.check: one for one in run_stage(world, monkeypatch, stale=("CLUSTERS",))}
    assert found["configuration"].verdict is Verdict.WARN
    assert "CLUSTERS" in found["configuration"].found
    assert found["configuration"].fix == "run: pulumi up -s dev"


def test_credentials_that_are_refused_end_the_stage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_any: object) -> None:
        raise AccountError("no valid credentials for stage dev: expired; sign in (aws sso login)")

    monkeypatch.setattr(stage_module, "sign_in", refuse)
    (only,) = stage_checks(world.project, "dev", cast("Any", FakeEngine()), cast("Any", None))
    assert (only.check, only.verdict, only.fix) == (
        "credentials",
        Verdict.FAIL,
        "sign in (aws sso login)",
    )


def test_a_queue_that_was_changed_fails_with_the_fix(world: World) -> None:
    world.sqs.attributes[WORK]["VisibilityTimeout"] = "30"
    found = {one.check: one for one in probe_checks(world.verification(canary=False))}
    assert found["work-queue"].verdict is Verdict.FAIL
    assert "VisibilityTimeout is 30, expected 360" in found["work-queue"].found
    assert found["work-queue"].fix == "run: pulumi up -s dev"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, Verdict.OK), (120, Verdict.WARN), (-900, Verdict.FAIL)]
)
def test_a_wrong_clock_is_found(folder: Path, seconds: float, verdict: Verdict) -> None:
    assert clock_check(account(folder, sts=FakeSts(seconds))).verdict is verdict


def test_a_rate_over_the_quota_fails_with_the_request_for_more(folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8") + "  ecs-run-task:fargateLaunchRate: 26\n"
    file.write_text(text, encoding="utf-8")
    quotas = FakeQuotas({"L-551A4E9D": 25.0, "L-3032A538": 6.0})
    found = list(quota_checks(account(folder, service_quotas=quotas)))
    assert (found[0].verdict, found[0].found) == (
        Verdict.FAIL,
        "launches per second on Fargate: fargateLaunchRate is 26, and the account has 25",
    )
    assert "--quota-code L-551A4E9D --desired-value 26" in found[0].fix
    few = [one for one in found if "vCPU" in one.found]
    assert [(one.verdict, one.found) for one in few] == [
        (Verdict.WARN, "vCPU on Fargate at once: 6"),
        (Verdict.OK, "vCPU on Fargate Spot at once: 20"),
    ]


def test_quotas_that_may_not_be_read_are_a_warning(folder: Path) -> None:
    quotas = FakeQuotas(refused="AccessDeniedException")
    (only,) = quota_checks(account(folder, service_quotas=quotas))
    assert only.verdict is Verdict.WARN
    assert "servicequotas:GetServiceQuota" in only.fix


def test_a_machine_without_the_cli_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = verdicts(list(machine_checks(load_project(folder))))
    assert found == {
        "python": Verdict.OK,
        "pulumi-cli": Verdict.FAIL,
        "git": Verdict.FAIL,
        "stack-files": Verdict.OK,
    }


@pytest.mark.parametrize(
    ("printed", "verdict"), [("v3.270.0", Verdict.OK), ("v2.1.0", Verdict.FAIL)]
)
def test_the_cli_has_the_version_of_the_package(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, verdict: Verdict
) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo {printed} || echo "[]"\n')
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {one.check: one for one in machine_checks(load_project(folder))}
    assert found["pulumi-cli"].verdict is verdict
    assert "run: pulumi plugin install resource aws" in found["pulumi-plugin"].fix


def test_wrong_files_are_a_line_and_no_stage_is_looked_at(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    file = folder / "Pulumi.dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("regio", "reigo"), encoding="utf-8")
    done = run("doctor", "--json")
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert found["stack-files"]["verdict"] == "fail"
    assert {one["stage"] for one in found.values()} == {""}


def test_a_deployed_environment_is_compared_with_the_file(folder: Path) -> None:
    project = load_project(folder)
    config = project.stage_config("dev")
    assert handler_settings(config)  # the file itself is right
    from infra.environment import function_environment  # noqa: PLC0415

    deployed = cast(
        "dict[str, str]",
        function_environment(
            config,
            queue_url="https://sqs",
            dead_letter_queue_url="https://sqs-dlq",
            failure_topic_arn="arn:aws:sns",
            ledger_table="ledger-1234",
        ),
    )
    assert stale_variables(config, deployed) == []
    assert stale_variables(config, deployed | {"LOG_LEVEL": "DEBUG"}) == ["LOG_LEVEL"]
    # What the file leaves at its default is not deployed at all.
    assert stale_variables(config, deployed | {"PUBLIC_IP": "true"}) == ["PUBLIC_IP"]
    assert stale_variables(config, {}) == sorted(
        deployed.keys()
        - {"QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "FAILURE_TOPIC_ARN", "LEDGER_TABLE"}
    )
