from __future__ import annotations

import pytest

from function.failures.reasons import REASONS
from function.outcomes import rejections, settling, stops
from function.outcomes.explanations import console_links, explain
from function.outcomes.states import State
from tests.unit.outcomes import CLUSTER_ARN, arn

OF_TASKS = (
    *stops.CAUSES,
    *(stops.EXIT_CODE, stops.MAX_RUNTIME),
    *(settling.NO_EXIT_CODE, settling.OUT_OF_MEMORY, settling.END_UNKNOWN),
    *("task-gone", ""),
)


@pytest.mark.parametrize("reason", OF_TASKS)
def test_every_reason_of_a_task_is_explained(reason: str) -> None:
    found = explain(State.FAILED, reason)
    assert found.words != reason
    assert "does not know the reason" not in found.cause


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_of_a_rejection_is_explained(reason: str) -> None:
    assert explain(State.REJECTED, reason).words == rejections.REJECTIONS[reason][0]


def test_causes_and_cures_are_sentences() -> None:
    for reason in (*OF_TASKS, *rejections.REJECTIONS):
        for state in (State.FAILED, State.REJECTED):
            found = explain(state, reason)
            assert found.cause.endswith(".")
            assert found.cure.endswith(".")
            assert not found.words.endswith(".")


def test_one_name_can_mean_one_thing_for_a_task_and_another_for_a_message() -> None:
    assert "registry" not in explain(State.REJECTED, "access-denied").words
    assert "execution role" in explain(State.NEVER_STARTED, "access-denied").words
    assert explain(State.NEVER_STARTED, "not-allowed") == explain(State.REJECTED, "not-allowed")


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert explain(State.STOPPED, "of-a-later-version").words == "of-a-later-version"


def test_links_lead_to_the_console_of_the_partition() -> None:
    links = console_links(arn(7))
    assert links is not None
    page = (
        "https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/main/tasks/"
        "00000000000000000000000000000007"
    )
    assert links.task == f"{page}/configuration?region=eu-central-1"
    assert links.log == f"{page}/logs?region=eu-central-1"
    gov = console_links("arn:aws-us-gov:ecs:us-gov-west-1:111122223333:task/main/1")
    assert gov is not None
    assert gov.task.startswith("https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/v2/")


def test_a_short_arn_needs_its_cluster() -> None:
    links = console_links("arn:aws:ecs:us-east-1:111122223333:task/1", CLUSTER_ARN)
    assert links is not None
    assert "/clusters/main/tasks/1/" in links.task


@pytest.mark.parametrize("text", ["", "task-1", "arn:aws-cn:ecs:cn-north-1:1:task/main/1"])
def test_without_a_known_console_there_are_no_links(text: str) -> None:
    assert console_links(text) is None
