"""What a stage remembers of its keys, as an operator reads it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from function.outcomes.states import PROBLEMS, State
from runtask.errors import UnknownKeyError, UsageError
from runtask.histories import Histories, Selection
from runtask.profiles import Profiles
from runtask.project import load_project
from runtask.stage_access import open_stage
from tests.runtask import operator_stage
from tests.runtask.operator_stage import OperatorStage, failed

if TYPE_CHECKING:
    from pathlib import Path

    from runtask.stage_access import StageAccess


@pytest.fixture
def stage(aws: None) -> OperatorStage:  # noqa: ARG001 - AWS has to be there
    return OperatorStage()


@pytest.fixture
def access(stage: OperatorStage, folder: Path) -> StageAccess:  # noqa: ARG001
    return open_stage(load_project(folder), "dev", Profiles())


def test_a_key_is_read_with_its_history(stage: OperatorStage, access: StageAccess) -> None:
    stage.put(failed("key-1"))

    known = Histories(access).one("key-1")

    assert known.history is not None
    assert (known.history.state, known.history.exit_code) == (State.FAILED, 7)
    assert known.launch is None


def test_a_key_without_a_history_has_its_launch(stage: OperatorStage, access: StageAccess) -> None:
    stage.put_launch("key-1", tasks={"L": [{"S": operator_stage.task_arn(1)}]})

    known = Histories(access).one("key-1")

    assert known.history is None
    assert known.launch is not None
    assert known.launch.tasks == (operator_stage.task_arn(1),)


@pytest.mark.usefixtures("stage")
def test_an_unknown_key_is_an_error_of_its_own(access: StageAccess) -> None:
    with pytest.raises(UnknownKeyError, match="stage dev knows nothing of key-1"):
        Histories(access).one("key-1")


@pytest.mark.usefixtures("stage")
def test_what_cannot_be_a_key_is_a_mistake_of_the_command_line(access: StageAccess) -> None:
    with pytest.raises(UsageError, match="expected a key"):
        Histories(access).one("tasks/2026-11-24")


def test_many_keys_are_read_in_batches(stage: OperatorStage, access: StageAccess) -> None:
    keys = [f"key-{number}" for number in range(120)]
    for key in keys:
        stage.put(failed(key))

    found = Histories(access).many([*keys, "key-1", "unknown"])

    assert sorted(found) == sorted(keys)


def test_problems_are_listed_the_newest_first(stage: OperatorStage, access: StageAccess) -> None:
    now = time.time()
    for age in (10, 3000, 20):
        stage.put(failed(f"key-{age}", finished_at=now - age))

    listing = Histories(access).select(Selection(states=PROBLEMS, since=now - 60, limit=10))

    assert [history.key for history in listing.histories] == ["key-10", "key-20"]
    assert (listing.more, listing.scanned) == (False, False)


def test_a_limit_says_that_there_are_more(stage: OperatorStage, access: StageAccess) -> None:
    for number in range(3):
        stage.put(failed(f"key-{number}"))

    listing = Histories(access).select(Selection(states=PROBLEMS, since=None, limit=2))

    assert (len(listing.histories), listing.more) == (2, True)


def test_keys_at_work_are_listed_with_a_state(stage: OperatorStage, access: StageAccess) -> None:
    now = time.time()
    for state in (State.LAUNCHING, State.RUNNING):
        stage.put(failed(state, state=state, finished_at=None, due_at=now + 600))

    listing = Histories(access).select(
        Selection(states=frozenset({State.RUNNING}), since=None, limit=10)
    )

    assert [history.key for history in listing.histories] == ["running"]


def test_succeeded_keys_are_found_by_a_scan(stage: OperatorStage, access: StageAccess) -> None:
    stage.put(failed("key-1", state=State.SUCCEEDED, reason="", exit_code=0))
    stage.put(failed("key-2"))

    listing = Histories(access).select(
        Selection(states=frozenset({State.SUCCEEDED}), since=None, limit=10)
    )

    assert [history.key for history in listing.histories] == ["key-1"]
    assert listing.scanned
