"""The options for what follows a launch: what they take, and what they need of each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from function.outcomes.states import FINAL
from function.settings import Settings
from infra.config import read_function_config
from infra.config_reader import ConfigError
from infra.outcome_options import ANNOUNCED

if TYPE_CHECKING:
    from runtask.project import Project
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

NEEDS_OUTCOMES = {
    "limits": '{"*": {"maxRuntime": "4h"}}',
    "startAttempts": '{"capacity": 3}',
    "announce": '["failed"]',
    "results": "queue",
    "maxVcpuHoursPerDay": "100",
}


def problems(project: Project, **options: str) -> list[str]:
    values = project.stack_config("dev")
    values |= {f"ecs-run-task:{option}": value for option, value in options.items()}
    try:
        read_function_config("dev", values.get)
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(("option", "value"), NEEDS_OUTCOMES.items())
def test_an_option_that_needs_outcomes_is_refused_without_them(
    project: Project, option: str, value: str
) -> None:
    assert problems(project, **{option: value}) == []
    (problem,) = problems(project, outcomes="false", **{option: value})
    assert problem.startswith(f"ecs-run-task:{option}: is set with outcomes: false")
    assert "pulumi config set 'ecs-run-task:outcomes' true -s dev" in problem


def test_outcomes_can_be_turned_off_by_one_option(project: Project) -> None:
    assert problems(project, outcomes="false") == []


@pytest.mark.parametrize("option", ["limits", "startAttempts", "templates"])
@pytest.mark.parametrize("text", ["[]", "{", "7", "null", '"{}"'])
def test_a_text_that_is_no_object_is_refused(project: Project, option: str, text: str) -> None:
    (problem,) = problems(project, **{option: text})
    assert problem == f"ecs-run-task:{option}: found {text!r}; expected a JSON object as text"


def test_limits_are_judged_as_the_handler_judges_them(project: Project) -> None:
    (problem,) = problems(project, limits='{"report": {"maxRuntime": "soon"}}')
    assert problem.startswith("ecs-run-task:limits")
    assert "soon" in problem


def test_a_capacity_provider_of_the_limits_must_be_allowed(project: Project) -> None:
    (problem,) = problems(project, limits='{"*": {"capacity": ["FARGATE", "fleet"]}}')
    assert "found the capacity provider 'fleet' at '*'" in problem
    assert problem.endswith("FARGATE, FARGATE_SPOT")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"weather": 3}', "found the cause 'weather'; expected one of network-interface"),
        ('{"capacity": 0}', "found 0 for capacity; expected a number of starts, 1 to 50"),
        ('{"capacity": 51}', "found 51 for capacity"),
        ('{"capacity": true}', "found true for capacity"),
        ('{"capacity": "3"}', 'found "3" for capacity'),
        # What cannot heal is not started again, whatever an operator wants.
        ('{"image-not-found": 2}', "found the cause 'image-not-found'"),
    ],
)
def test_start_attempts_are_numbers_of_starts_by_cause(
    project: Project, text: str, found: str
) -> None:
    (problem,) = problems(project, startAttempts=text)
    assert found in problem


def test_a_template_is_judged_as_the_handler_judges_it(project: Project) -> None:
    (problem,) = problems(project, templates='{"s3": "{taskDefinition: "}')
    assert problem.startswith("ecs-run-task:templates: a template is not valid; s3: ")


def test_only_final_states_are_announced(project: Project) -> None:
    (problem,) = problems(project, announce='["running"]')
    assert "ecs-run-task:announce[0]: found 'running'" in problem
    for state in FINAL:
        assert problems(project, announce=json.dumps([state])) == []


def test_results_have_three_ways(project: Project) -> None:
    for way in ("none", "queue", "bus"):
        assert problems(project, results=way) == []
    (problem,) = problems(project, results="topic")
    assert problem == "ecs-run-task:results: found 'topic'; expected one of none, queue, bus"


@pytest.mark.parametrize("results", ["none", "bus"])
def test_only_a_queue_has_readers(project: Project, results: str) -> None:
    (problem,) = problems(project, results=results, resultReaders='["333333333333"]')
    assert "ecs-run-task:resultReaders: found 333333333333 with results: " in problem
    assert problems(project, results="queue", resultReaders='["333333333333"]') == []


def test_payloads_need_a_role_that_reads_them(project: Project) -> None:
    (problem,) = problems(project, payloads="true", taskRoles="[]")
    assert "ecs-run-task:payloads: found true without taskRoles" in problem
    assert problems(project, payloads="true") == []


@pytest.mark.parametrize("stage", ["dev-events", "dev-results"])
def test_no_stage_has_the_name_of_another_ones_queue(project: Project, stage: str) -> None:
    values = project.stack_config("dev")
    with pytest.raises(ConfigError, match="another ending than -events or -results"):
        read_function_config(stage, values.get)


def variables(recorder: Recorder) -> dict[str, str]:
    function = recorder.only("lambda/function:Function")
    return dict(function.inputs["environment"]["variables"])


NAMES = {
    *("EVENTS_QUEUE_URL", "RESULTS_QUEUE_URL", "RESULTS_BUS", "PAYLOAD_BUCKET", "LIMITS"),
    *("TEMPLATES", "START_ATTEMPTS", "ANNOUNCE"),
}


def test_a_stage_with_everything_off_has_no_variable_of_it(stack: Stack) -> None:
    assert not NAMES & variables(stack("dev", outcomes="false")).keys()


def test_a_stage_with_the_defaults_has_two(dev: Recorder) -> None:
    found = variables(dev)
    assert NAMES & found.keys() == {"EVENTS_QUEUE_URL", "ANNOUNCE"}
    settings = Settings.from_environment(found)
    assert settings.announce == ANNOUNCED
    assert settings.events_queue_url == found["EVENTS_QUEUE_URL"]


def test_what_an_option_says_reaches_the_handler(stack: Stack) -> None:
    options = {
        "limits": '{ "report": {"maxRuntime": "30m"} }',
        "startAttempts": '{ "capacity": 7 }',
        "templates": '{ "s3": "{taskDefinition: \'report\'}" }',
        "announce": '["failed"]',
    }
    recorder = stack("dev", payloads="true", results="bus", **options)
    settings = Settings.from_environment(variables(recorder))
    assert settings.limits == {"report": {"maxRuntime": "30m"}}
    assert settings.start_attempts == {"capacity": 7}
    assert settings.templates == {"s3": "{taskDefinition: 'report'}"}
    assert settings.announce == ("failed",)
    assert settings.results_bus == "ecs-run-task-dev-results"
    assert settings.results_queue_url is None
    assert settings.payload_bucket == "ecs-run-task-dev-payloads-0123456"
    queue = variables(stack("dev", results="queue"))["RESULTS_QUEUE_URL"]
    assert queue.endswith("/ecs-run-task-dev-results")


def test_what_is_too_long_for_the_environment_is_named(project: Project) -> None:
    limits = json.dumps({f"family-{n}": {"maxRuntime": "30m"} for n in range(100)})
    (problem,) = problems(project, limits=limits)
    assert problem.startswith("ecs-run-task:limits, ")
