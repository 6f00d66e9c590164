"""`runtask redrive`: what is chosen, what is refused, and what an interruption leaves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from function.limits import MAX_MESSAGE_BYTES
from function.message.idempotency import keyless, launches_known, origin_of, valid_key
from function.sqs.dead_letter import TRUNCATED
from function.sqs.record import Record
from runtask.errors import RuntaskError
from runtask.project import load_project
from runtask.redrive.letters import read_letter
from runtask.redrive.move import InterruptedRedriveError, Move, Orders
from runtask.redrive.plan import Selection, Survey, relaunched, survey
from tests.runtask.conftest import ROOT
from tests.runtask.dead_letters import (
    BODY,
    FakeQueues,
    attributes_of,
    client_error,
    lost_answer,
    queue_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.config import FunctionConfig

ALL = Selection(everything=True)

# What a redrive has slept, in seconds.
SLEEPS: list[float] = []


@pytest.fixture(scope="module")
def config() -> FunctionConfig:
    return load_project(ROOT).stage_config("dev")


@pytest.fixture
def fake() -> FakeQueues:
    return FakeQueues()


def look(
    fake: FakeQueues,
    config: FunctionConfig,
    selection: Selection = ALL,
    *,
    relaunch: bool = False,
) -> Survey:
    found = survey(queue_of(fake, config), selection, relaunch=relaunch)
    return replace(found, chosen=relaunched(found.chosen)) if relaunch else found


def redrive(
    fake: FakeQueues,
    config: FunctionConfig,
    selection: Selection = ALL,
    *,
    relaunch: bool = False,
    **orders: Any,
) -> Move:
    found = look(fake, config, selection, relaunch=relaunch)
    given = Orders(survey=found, selection=selection, **orders)
    move = Move(queue_of(fake, config), given, sleep=SLEEPS.append)
    move.run()
    return move


def refusals(fake: FakeQueues, config: FunctionConfig, **options: Any) -> list[str]:
    return [one.refusal for one in look(fake, config, **options).chosen]


def record_of(sent: dict[str, Any]) -> Record:
    """Return the first delivery of a message that was redriven."""
    return Record(
        message_id="new-id",
        receipt_handle="r",
        body=sent["MessageBody"],
        receives=1,
        sent_at=0.0,
        first_received_at=0.0,
        group=None,
        attributes=sent["MessageAttributes"],
    )


# --- What is sent


def test_a_redriven_message_keeps_its_key_and_what_the_handler_has_to_know(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    fake.letter({**attributes_of(tasks="2"), "trace": text("t")}, group="tenant")

    redrive(fake, config)

    (sent,) = fake.work
    assert fake.dead == []
    assert sent["MessageBody"] == BODY
    assert sent["MessageGroupId"] == "tenant"
    values = {name: one["StringValue"] for name, one in sent["MessageAttributes"].items()}
    assert values == {"key": "job", "messageId": "first-job", "tasks": "2", "trace": "t"}


def test_a_letter_that_sqs_moved_gets_its_message_id_as_key(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    name = fake.letter({}, moved=True)

    redrive(fake, config)

    record = record_of(fake.work[0])
    assert (fake.keys(), origin_of(record)) == ([name], name)
    assert keyless(record)
    assert not launches_known(record)


def test_what_an_earlier_rejection_said_is_not_the_reason_of_a_letter_that_sqs_moved(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    fake.letter(attributes_of("not-json", redrivable="false"), moved=True)

    (group,) = look(fake, config).groups

    assert (group.reason, group.redrivable) == ("moved-by-sqs", 1)


def test_an_event_that_sqs_moved_keeps_the_key_of_the_event(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    templates = json.dumps({"eventbridge": "{cluster: 'batch', taskDefinition: 'report'}"})
    event = {"id": "event-1", "detail-type": "t", "source": "s", "detail": {}}
    settings = queue_of(fake, config).settings
    settings = replace(settings, templates=json.loads(templates))
    message: Any = {"MessageId": "m", "ReceiptHandle": "r", "Body": json.dumps(event)}

    assert read_letter(message, settings).key == "event-1"


def test_ten_attributes_of_the_sender_leave_room_for_the_key(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    fake.letter({f"own{number}": text("x") for number in range(10)}, moved=True)

    redrive(fake, config)

    names = fake.work[0]["MessageAttributes"]
    assert len(names) == 10
    assert {"key", "messageId"} <= names.keys()


def test_batches_are_no_larger_than_a_call_takes(fake: FakeQueues, config: FunctionConfig) -> None:
    padded = BODY[:-2] + " " * (MAX_MESSAGE_BYTES // 3) + BODY[-2:]
    for number in range(7):
        fake.letter(attributes_of(key=f"k{number}"), padded)

    redrive(fake, config)  # the queue refuses larger ones

    assert (len(fake.work), fake.calls.count("send")) == (7, 4)


def test_a_rate_holds_back_what_is_sent(fake: FakeQueues, config: FunctionConfig) -> None:
    for number in range(25):
        fake.letter(attributes_of(key=f"k{number}"))
    SLEEPS.clear()

    redrive(fake, config, rate=1.0)

    assert [round(one) for one in SLEEPS] == [0, 10, 20]


# --- What is chosen


def test_the_queue_is_grouped_by_reason_and_nothing_is_moved(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    for number in range(12):
        fake.letter(attributes_of(key=f"k{number}"))
    fake.letter(attributes_of("not-json", redrivable="false"), "{")

    found = look(fake, config, Selection())

    assert [(one.reason, one.letters, one.redrivable) for one in found.groups] == [
        ("access-denied", 12, 12),
        ("not-json", 1, 0),
    ]
    assert found.chosen == ()
    assert (len(fake.dead), fake.hidden, fake.work) == (13, set(), [])


def test_only_what_is_selected_is_moved_and_the_rest_is_visible_again(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    for number in range(30):
        reason = "capacity" if number % 3 else "access-denied"
        fake.letter(attributes_of(reason, key=f"k{number}"))

    redrive(fake, config, Selection(reasons=frozenset({"access-denied"})))

    assert sorted(fake.keys()) == sorted(f"k{number}" for number in range(0, 30, 3))
    assert (len(fake.dead), fake.hidden) == (20, set())


def test_a_letter_that_comes_back_while_the_command_runs_is_left_alone(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    fake.letter(attributes_of())

    def reject_again(name: str, _number: int) -> None:
        if name == "delete":
            fake.letter(attributes_of())

    fake.after = reject_again
    redrive(fake, config)

    assert (len(fake.work), len(fake.dead)) == (1, 1)


# --- What is refused


@pytest.mark.parametrize(
    ("attributes", "body", "expected"),
    [
        (attributes_of("not-json", error=f"long{TRUNCATED}", redrivable="false"), BODY, "was cut"),
        (attributes_of("not-json", redrivable="false"), BODY, "change it with --edit"),
        (attributes_of("outcome-unknown", redrivable="false"), BODY, "--relaunch gives it"),
        (attributes_of("key-reused", redrivable="false"), BODY, "--relaunch gives it another key"),
        (attributes_of("bad-key", key="(empty)", redrivable="false"), BODY, "key is not valid"),
        (attributes_of(), '{"ECS": {"cluster": "batch"}}', "would be rejected again: "),
        (attributes_of("unexpected"), '{"restart": {"key": "job"}}', "the stage itself"),
        (attributes_of(), BODY[:-2] + " " * MAX_MESSAGE_BYTES + BODY[-2:], "SQS takes 1,048,576"),
    ],
)
def test_what_would_be_rejected_again_stays(
    fake: FakeQueues, config: FunctionConfig, attributes: dict[str, Any], body: str, expected: str
) -> None:
    fake.letter(attributes, body)

    (refusal,) = refusals(fake, config)
    move = redrive(fake, config)

    assert expected in refusal
    assert (move.moved, len(fake.dead), fake.work, fake.hidden) == ({}, 1, [], set())


def test_no_refusal_quotes_a_value_of_the_environment(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    environment = [{"name": "TOKEN", "value": "canary-canary"}]
    overrides = {"containerOverrides": [{"name": "app", "environment": environment}]}
    body = {"cluster": "canary-canary", "taskDefinition": "report", "overrides": overrides}
    fake.letter(attributes_of(), json.dumps({"ECS": body}))

    (refusal,) = refusals(fake, config)

    assert "would be rejected again" in refusal
    assert "canary" not in refusal


def test_a_truncated_letter_is_not_relaunched_either(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    fake.letter(attributes_of("not-json", error=f"long{TRUNCATED}"))
    assert "was cut" in refusals(fake, config, relaunch=True)[0]


# --- Relaunches


@pytest.mark.parametrize("key", ["job", "k" * 48, "(empty)"])
def test_a_relaunch_has_a_valid_key_of_its_own_and_no_tasks(
    fake: FakeQueues, config: FunctionConfig, key: str
) -> None:
    fake.letter(attributes_of("outcome-unknown", key=key, redrivable="false", tasks="1"))

    redrive(fake, config, relaunch=True)

    (new,) = fake.keys()
    assert valid_key(new)
    assert new != key
    assert "tasks" not in fake.work[0]["MessageAttributes"]
    assert launches_known(record_of(fake.work[0]))


def test_the_key_of_a_relaunch_is_the_same_each_time_and_another_for_its_own_letter(
    config: FunctionConfig,
) -> None:
    keys = []
    for key in ("job", "job"):
        fake = FakeQueues()
        fake.letter(attributes_of(key=key))
        redrive(fake, config, relaunch=True)
        keys += fake.keys()
    again = FakeQueues()
    again.letter(attributes_of(key=keys[0]))
    redrive(again, config, relaunch=True)

    assert keys[0] == keys[1]
    assert again.keys()[0] not in {"job", keys[0]}


def test_letters_of_one_message_are_relaunched_once(
    fake: FakeQueues, config: FunctionConfig
) -> None:
    for origin in ("a", "b", "c"):
        fake.letter(attributes_of(messageId=origin))
    fake.letter(attributes_of(messageId="d"), BODY.replace('"report"', '"report", "count": 2'))

    redrive(fake, config, relaunch=True)

    assert sorted(Counter(fake.keys()).values()) == [1, 3]
    assert fake.dead == []


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
