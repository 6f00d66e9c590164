"""A redrive that is interrupted, or whose messages have an order: nothing lost, nothing doubled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runtask.errors import RuntaskError
from runtask.project import load_project
from runtask.redrive.move import InterruptedRedriveError
from tests.runtask.conftest import ROOT
from tests.runtask.dead_letters import (
    FakeQueues,
    attributes_of,
    client_error,
    lost_answer,
    redrive,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.config import FunctionConfig


@pytest.fixture(scope="module")
def config() -> FunctionConfig:
    return load_project(ROOT).stage_config("dev")


@pytest.fixture
def fake() -> FakeQueues:
    return FakeQueues()


# --- Interruptions


def crowd(*, fifo: bool) -> FakeQueues:
    """Return a dead-letter queue with copies of a message, and several groups."""
    fake = FakeQueues(fifo=fifo)
    for number in range(13):
        fake.letter(attributes_of(key=f"k{number}"), group=f"g{number % 3}" if fifo else None)
    for origin in ("b", "a"):
        fake.letter(attributes_of(key="copy", messageId=origin), group="copies" if fifo else None)
    return fake


def interrupts(number: int, error: BaseException) -> Callable[[str, int], None]:
    def interrupt(_name: str, at: int) -> None:
        if at == number:
            raise error

    return interrupt


@pytest.mark.parametrize("relaunch", [False, True])
@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), lost_answer(), client_error("Throttled")])
def test_an_interruption_at_any_call_loses_nothing_and_starts_nothing_twice(
    config: FunctionConfig, error: BaseException, when: str, *, fifo: bool, relaunch: bool
) -> None:
    config = replace(config, fifo=fifo)
    undisturbed = crowd(fifo=fifo)
    redrive(undisturbed, config, relaunch=relaunch)
    interrupted = 0
    for number in range(len(undisturbed.calls)):
        fake = crowd(fifo=fifo)
        setattr(fake, when, interrupts(number, error))
        letters = {one["MessageAttributes"]["key"]["StringValue"] for one in fake.dead}
        failed = False
        try:
            redrive(fake, config, relaunch=relaunch)
        except (RuntaskError, KeyboardInterrupt):
            failed = True
        interrupted += failed
        former = {one["MessageAttributes"]["messageId"]["StringValue"] for one in fake.work}
        still = {one["MessageAttributes"]["messageId"]["StringValue"] for one in fake.dead}
        assert len(former | still) == 15, "a letter is in neither queue"
        # What was not shown again becomes visible by itself.
        fake.hidden.clear()
        setattr(fake, when, lambda _name, _number: None)
        for _ in range(5):
            if fake.dead:
                redrive(fake, config, relaunch=relaunch)
        assert fake.dead == []
        assert len(set(fake.keys())) == len(letters) == 14, "a task would be started twice"
    assert interrupted > 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), lost_answer()])
def test_what_may_be_in_both_queues_is_told(
    fake: FakeQueues, config: FunctionConfig, error: BaseException
) -> None:
    fake.letter(attributes_of())

    def lose(name: str, _number: int) -> None:
        if name == "send":
            raise error

    fake.after = lose
    with pytest.raises(RuntaskError, match="1 may be in both queues") as caught:
        redrive(fake, config)

    assert "to go on, run the same command again" in str(caught.value)
    assert isinstance(caught.value, InterruptedRedriveError) == isinstance(error, KeyboardInterrupt)
    assert fake.hidden == set()


def test_a_message_that_sqs_refuses_stays_with_its_reason(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    name = fake.letter(attributes_of(key="bad"))
    fake.letter(attributes_of(key="good"))
    fake.refuse = {name}

    move = redrive(fake, config)

    assert (fake.keys(), move.refused) == (["good"], {name: "InvalidMessageContents"})
    assert [one["MessageId"] for one in fake.dead] == [name]
    assert (move.in_doubt, fake.hidden) == (set(), set())


def test_a_letter_that_is_not_deleted_is_in_doubt(fake: FakeQueues, config: FunctionConfig) -> None:
    name = fake.letter(attributes_of())
    fake.undeletable = {name}

    move = redrive(fake, config)

    assert (move.in_doubt, move.moved) == ({name}, {})


# --- FIFO


def test_groups_of_a_fifo_queue_keep_their_order(config: FunctionConfig) -> None:
    config = replace(config, fifo=True)
    fake = FakeQueues(fifo=True)
    for number in range(25):
        fake.letter(attributes_of(key=f"k{number:02}"), group=f"g{number % 2}")

    redrive(fake, config, behind=True)

    assert fake.dead == []
    for group in ("g0", "g1"):
        keys = [
            key for key, one in zip(fake.keys(), fake.work, strict=True) if group_is(one, group)
        ]
        assert keys == sorted(keys)
    assert len(fake.keys()) == 25


def group_is(sent: dict[str, Any], group: str) -> bool:
    return bool(sent["MessageGroupId"] == group)


def test_what_follows_a_refused_message_in_its_group_waits(config: FunctionConfig) -> None:
    config = replace(config, fifo=True)
    fake = FakeQueues(fifo=True)
    first = fake.letter(attributes_of(key="first"), group="g")
    fake.letter(attributes_of(key="second"), group="g")
    fake.letter(attributes_of(key="other"), group="h")
    fake.refuse = {first}

    move = redrive(fake, config)

    assert fake.keys() == ["other"]
    assert move.missing == 1


def test_a_redrive_within_five_minutes_of_the_first_sending_is_not_dropped(
    config: FunctionConfig,
) -> None:
    fake = FakeQueues(fifo=True, known={"job"})  # the deduplication id of `runtask send`
    fake.letter(attributes_of(), group="g")

    redrive(fake, replace(config, fifo=True))

    assert fake.keys() == ["job"]
