"""Single facts of "launched exactly once", each of which the handler once got wrong or might."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.emulator import READINGS
from tests.model.application import make_application
from tests.model.dynamodb import Away
from tests.model.invariants import check_quiet
from tests.model.jobs import INVALID_BODIES, Job
from tests.model.reference import make_reference
from tests.model.wire import Fault
from tests.model.world import Delivery, MakeHandler, Options, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.history import Sent

HOUR = 3600.0
DAY = 24 * HOUR
MINUTE_TASKS = (60.0,)

MAKERS = [
    pytest.param(make_application, id="handler"),
    pytest.param(make_reference, id="protocol"),
]


@pytest.fixture(params=MAKERS)
def make(request: Any) -> MakeHandler:
    maker: MakeHandler = request.param
    return maker


@pytest.fixture(params=READINGS, ids=str)
def world(request: Any, make: MakeHandler) -> Iterator[World]:
    with World(request.param, Options(make=make)) as world:
        world.ecs.lives = MINUTE_TASKS
        yield world


def tasks_of(world: World, sent: Sent) -> int:
    return len(world.history.tasks(world.ecs, sent))


def reasons(sent: Sent) -> list[str | None]:
    return [letter.reason for letter in sent.letters]


def room(world: World, tasks: int | None, pool: str = "batch/FARGATE") -> None:
    world.ecs.pool(pool).room = tasks


def quiet(world: World) -> None:
    world.settle()
    check_quiet(world)


# --- count above 1


def test_what_did_not_fit_is_launched_alone_after_the_tokens_life(world: World) -> None:
    sent = world.send(Job(number=1, count=10))
    room(world, 4)
    world.deliver()
    room(world, 0)
    world.tick(10)
    world.deliver()
    world.tick(0.8 * HOUR)
    world.deliver()
    world.tick(0.8 * HOUR)
    quiet(world)
    assert tasks_of(world, sent) == 10


def test_what_fits_one_by_one_comes_to_the_whole(world: World) -> None:
    sent = world.send(Job(number=1, count=5))
    for _ in range(8):
        room(world, 1)
        world.deliver()
        world.tick(960)
    quiet(world)
    assert tasks_of(world, sent) == 5


def test_a_task_that_starts_although_failures_were_answered_counts(world: World) -> None:
    sent = world.send(Job(number=1, count=3))
    room(world, 1)
    world.ecs.ghosts = 1
    world.deliver()
    quiet(world)
    assert tasks_of(world, sent) == 3


def test_the_next_attempt_leaves_time_for_a_task_that_is_not_listed_yet(world: World) -> None:
    sent = world.send(Job(number=1))
    room(world, 0)
    world.ecs.ghosts = 1
    world.deliver()
    room(world, None)
    world.duplicate(world.stages["dev"].work.messages[0], "dev")
    world.deliver()
    quiet(world)
    assert tasks_of(world, sent) == 1


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("key", [None, "job"])
def test_a_fault_of_any_call_changes_nothing(
    make: MakeHandler, number: int, fault: Fault, key: str | None
) -> None:
    for reading in READINGS:
        with World(reading, Options(make=make)) as world:
            sent = world.send(Job(number=1, count=3, by_service=True), key=key)
            room(world, 2)
            world.deliver(Delivery(plan={number: fault}))
            world.tick(400)
            room(world, 0)
            world.deliver(Delivery(plan={number: fault}))
            quiet(world)
            assert tasks_of(world, sent) == 3


# --- Keys


def test_two_stages_on_one_cluster_may_use_the_same_key(world: World) -> None:
    one = world.send(Job(number=1), stage="dev", key="job")
    two = world.send(Job(number=2), stage="beta", key="job")
    quiet(world)
    assert (tasks_of(world, one), tasks_of(world, two)) == (1, 1)


@pytest.mark.parametrize("pause", [0, 600, 2 * HOUR, 2 * DAY])
def test_a_key_of_another_request_is_rejected(world: World, pause: float) -> None:
    first = world.send(Job(number=1), key="job")
    world.deliver()
    world.tick(pause)
    second = world.send(Job(number=2), key="job")
    quiet(world)
    assert tasks_of(world, first) == 1
    assert reasons(second) == ["key-reused"]


@pytest.mark.parametrize("pause", [0, 600, 0.9 * HOUR, 2 * HOUR, 2 * DAY, 9 * DAY])
def test_a_key_of_the_same_request_starts_nothing_more(world: World, pause: float) -> None:
    first = world.send(Job(number=1, count=2), key="job")
    world.deliver()
    world.tick(pause)
    second = world.send(Job(number=1, count=2, wrapped=False), key="job")
    quiet(world)
    assert tasks_of(world, first) == 2
    assert reasons(second) == []


def test_two_messages_of_one_key_at_once_start_one_task(world: World) -> None:
    world.send(Job(number=1, count=2), key="job")
    sent = world.send(Job(number=1, count=2), key="job")
    world.deliver(Delivery(most=1), Delivery(most=1, environment=1))
    quiet(world)
    assert tasks_of(world, sent) == 2


def test_a_refused_call_leaves_the_intent_of_another_one_in_flight(world: World) -> None:
    world.send(Job(number=1), key="job")
    sent = world.send(Job(number=1), key="job")

    def throttle() -> None:
        world.kernel.sleep(2)
        world.ecs.throttled = True

    world.kernel.spawn(throttle)
    world.deliver(
        Delivery(most=1, plan={"RunTask": Fault.SLOW_ANSWER, "UpdateItem": Fault.CRASH_BEFORE}),
        Delivery(most=1, environment=1, delay=3),
    )
    world.tick(3 * HOUR)
    quiet(world)
    assert tasks_of(world, sent) == 1


def test_an_attempt_that_others_have_passed_is_not_advanced_again(world: World) -> None:
    sent = [world.send(Job(number=1, count=2), key="job") for _ in range(3)]
    room(world, 0)

    def one_more_fits() -> None:
        world.kernel.sleep(3.5)
        room(world, 1)

    world.kernel.spawn(one_more_fits)
    world.deliver(
        Delivery(most=1, plan={"UpdateItem": Fault.SLOW_REQUEST}),
        Delivery(most=1, environment=1, delay=0.5),
        Delivery(most=1, environment=2, delay=4),
    )
    assert tasks_of(world, sent[0]) <= 1  # 0 if the third delivery waits for the others
    room(world, 0)
    world.tick(3 * HOUR)
    quiet(world)
    assert tasks_of(world, sent[0]) == 2


# --- Conflicts and doubt


def test_another_network_between_two_deliveries_starts_nothing_twice(world: World) -> None:
    sent = world.send(Job(number=1, count=2, by_service=True))
    world.deliver(Delivery(plan={"RunTask": Fault.LOST_ANSWER}))
    world.change_network()
    world.tick(360)
    quiet(world)
    assert tasks_of(world, sent) == 2


def test_a_conflict_without_a_task_is_not_launched(world: World) -> None:
    sent = world.send(Job(number=1, by_service=True))
    room(world, 0)
    world.deliver(Delivery(plan={"RunTask": Fault.LOST_ANSWER}))
    world.change_network()
    world.tick(360)
    world.deliver()
    assert not sent.claims or tasks_of(world, sent) == 1
    quiet(world)


@pytest.mark.parametrize("key", [None, "job"])
@pytest.mark.parametrize("pause", [400, 0.85 * HOUR, 0.97 * HOUR, 2 * HOUR])
def test_a_lost_answer_is_never_guessed(world: World, key: str | None, pause: float) -> None:
    world.ecs.lives = (20.0, 5 * HOUR)
    sent = world.send(Job(number=1, count=4), key=key)
    world.deliver(Delivery(plan={"RunTask": Fault.LOST_ANSWER}))
    world.tick(pause)
    quiet(world)
    assert tasks_of(world, sent) == 4


def test_a_duplicate_long_after_the_launch_starts_nothing(world: World) -> None:
    sent = world.send(Job(number=1))
    world.deliver()
    world.tick(2 * HOUR)
    world.duplicate(world.stages["dev"].work.messages[0], "dev")
    quiet(world)
    assert tasks_of(world, sent) == 1


# --- The table


@pytest.mark.parametrize("away", list(Away))
def test_a_first_delivery_without_a_key_needs_no_table(world: World, away: Away) -> None:
    sent = world.send(Job(number=1, count=2))
    world.table_away(away)
    world.deliver()
    assert tasks_of(world, sent) == 2
    assert sent.claims
    quiet(world)


@pytest.mark.parametrize("away", list(Away))
def test_a_redelivery_waits_for_the_table(world: World, away: Away) -> None:
    sent = world.send(Job(number=1, count=2))
    room(world, 1)
    world.deliver()
    world.table_away(away)
    world.tick(2 * HOUR)
    room(world, None)
    world.deliver()
    assert tasks_of(world, sent) == 1
    quiet(world)
    assert tasks_of(world, sent) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_key_starts_nothing_more_while_the_table_is_away(world: World, number: int) -> None:
    first = world.send(Job(number=1), key="job")
    world.deliver()
    world.tick(2 * HOUR)
    world.table_away(Away.UNREACHABLE)
    world.send(Job(number=number), key="job")
    world.deliver()
    assert tasks_of(world, first) == 1
    quiet(world)


def test_a_first_delivery_without_a_key_makes_no_call_but_run_task(world: World) -> None:
    world.send(Job(number=1, count=2))
    world.deliver()
    table = world.stages["dev"].table
    assert (len(world.ecs.calls), table.reads, table.writes) == (1, 0, 0)


def test_a_first_delivery_with_a_key_makes_one_write(world: World) -> None:
    world.send(Job(number=1, count=2), key="job")
    world.deliver()
    table = world.stages["dev"].table
    assert (len(world.ecs.calls), table.reads, table.writes) == (1, 0, 1)


# --- Dead letters


def test_a_letter_that_sqs_moved_starts_nothing_again(world: World) -> None:
    sent = world.send(Job(number=1))
    world.deliver(Delivery(plan={"RunTask": Fault.CRASH_AFTER}))
    world.table_away(Away.UNREACHABLE)
    world.tick(400)
    world.deliver()
    world.wear_out(world.stages["dev"].work.live[0], "dev")
    world.table_away(None)
    world.tick(2 * HOUR)
    world.redrive(world.stages["dev"].dead.live[0], "dev")
    quiet(world)
    assert tasks_of(world, sent) == 1


@pytest.mark.parametrize("key", [None, "job"])
def test_a_message_that_is_redriven_twice_is_not_lost(world: World, key: str | None) -> None:
    sent = world.send(Job(number=1), key=key)
    world.deliver(Delivery(plan={"RunTask": Fault.CRASH_BEFORE}))
    for _ in range(3):
        world.tick(2 * HOUR)
        world.deliver()
        for letter in world.stages["dev"].dead.live:
            world.redrive(letter, "dev")
    quiet(world)
    assert tasks_of(world, sent) == 1 or sent.letters


@pytest.mark.parametrize("body", sorted(INVALID_BODIES))
def test_a_poison_message_fails_alone(make: MakeHandler, body: str) -> None:
    with World(READINGS[0], Options(make=make)) as world:
        poison = world.send(None, body=INVALID_BODIES[body])
        good = [world.send(Job(number=number)) for number in range(1, 9)]
        world.deliver()
        assert [tasks_of(world, sent) for sent in good] == [1] * 8
        assert len(poison.letters) == 1
        quiet(world)


# --- Pace


@pytest.mark.parametrize("count", [1, 10])
def test_a_low_launch_rate_delays_and_loses_nothing(make: MakeHandler, count: int) -> None:
    with World(READINGS[0], Options(make=make, launch_rate=1.0)) as world:
        for number in range(1, 9):
            world.send(Job(number=number, count=count))
        quiet(world)
        assert len(world.ecs.tasks) == 8 * count
