"""A stage stays within the roles and clusters that its account's administrator allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.config_reader import ConfigError
from infra.program import main
from tools.recorder import BOOTSTRAP_OUTPUTS, Recorder

if TYPE_CHECKING:
    from runtask.project import Project

ROLES = ["arn:aws:iam::111111111111:role/report-*"]
CLUSTERS = ["arn:aws:ecs:eu-central-1:111111111111:cluster/batch"]


def recorder_of(project: Project, changes: dict[str, str], outputs: dict[str, Any]) -> Recorder:
    config = project.stack_config("dev")
    config.update({f"ecs-run-task:{key}": value for key, value in changes.items()})
    limits = {"boundaryRoles": ROLES, "boundaryClusters": CLUSTERS}
    return Recorder(config, {**BOOTSTRAP_OUTPUTS, **limits, **outputs})


def refusal(
    project: Project, changes: dict[str, str], outputs: dict[str, Any] | None = None
) -> str:
    """Return the error of a deployment that registers nothing."""
    recorder = recorder_of(project, changes, outputs or {})
    with pytest.raises(ConfigError) as error:
        recorder.run(main, "dev")
    assert not recorder.resources
    return str(error.value)


def test_a_stage_within_the_limits_is_deployed(project: Project) -> None:
    recorder = recorder_of(project, {}, {})
    recorder.run(main, "dev")
    assert recorder.only("lambda/function:Function")


def test_a_role_outside_is_refused_with_both_values_before_anything_is_made(
    project: Project,
) -> None:
    roles = '["arn:aws:iam::111111111111:role/report-a", "arn:aws:iam::111111111111:role/payroll"]'
    assert refusal(project, {"taskRoles": roles}) == (
        "Pulumi.dev.yaml is invalid:\n"
        "  ecs-run-task:taskRoles[1]: found 'arn:aws:iam::111111111111:role/payroll'; "
        "ecs-run-task:boundaryRoles of Pulumi.dev-bootstrap.yaml allows "
        "arn:aws:iam::111111111111:role/report-*; remove it, or as administrator of account "
        "111111111111 run: pulumi config set --path 'ecs-run-task:boundaryRoles[1]' "
        "'arn:aws:iam::111111111111:role/payroll' -s dev-bootstrap && pulumi up -s dev-bootstrap"
    )


def test_a_cluster_outside_is_refused_by_its_name(project: Project) -> None:
    error = refusal(project, {"clusters": '["batch", "batch-*"]'})
    assert "ecs-run-task:clusters[1]: found 'batch-*'; ecs-run-task:boundaryClusters of" in error
    assert f"allows {CLUSTERS[0]}; remove it" in error


def test_all_that_is_outside_is_reported_at_once(project: Project) -> None:
    changes = {"clusters": '["payroll"]', "taskRoles": '["arn:aws:iam::111111111111:role/r*"]'}
    assert refusal(project, changes).count("found") == 2


def test_a_bootstrap_stack_from_before_the_limits_is_named(project: Project) -> None:
    outputs = {"boundaryRoles": None, "boundaryClusters": None}
    assert (
        "ecs-run-task:taskRoles: the bootstrap stack dev-bootstrap has no output boundaryRoles; as "
        "administrator of account 111111111111 run: pulumi up -s dev-bootstrap"
    ) in refusal(project, {}, outputs)


def test_email_subscribers_need_the_administrators_consent(project: Project) -> None:
    error = refusal(project, {"notifyEmails": '["ops@example.com"]'}, {"allowNotifyEmails": False})
    assert "ecs-run-task:notifyEmails: found ops@example.com" in error
    assert (
        "pulumi config set ecs-run-task:allowNotifyEmails true -s dev-bootstrap && "
        "pulumi up -s dev-bootstrap"
    ) in error


def test_without_email_subscribers_no_consent_is_needed(project: Project) -> None:
    recorder = recorder_of(project, {}, {"allowNotifyEmails": None})
    recorder.run(main, "dev")
    assert recorder.only("lambda/function:Function")


def test_a_bootstrap_stack_from_before_the_read_role_is_named(project: Project) -> None:
    assert (
        "the bootstrap stack dev-bootstrap has no output readRoleArn; as administrator of account "
        "111111111111 run: pulumi up -s dev-bootstrap"
    ) in refusal(project, {}, {"readRoleArn": None})


def test_a_stage_that_follows_its_tasks_needs_roles_that_know_of_it(project: Project) -> None:
    expected = (
        "has no output outcomes, so its roles know nothing of the options outcomes and payloads"
    )
    assert expected in refusal(project, {}, {"outcomes": None})
    assert expected in refusal(
        project, {"outcomes": "false", "payloads": "true"}, {"outcomes": None}
    )
    recorder = recorder_of(project, {"outcomes": "false"}, {"outcomes": None})
    recorder.run(main, "dev")
    assert recorder.only("lambda/function:Function")
