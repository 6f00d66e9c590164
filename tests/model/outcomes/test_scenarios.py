"""Single facts of what comes after a launch."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from infra.event_rules import TASK_RULES
from rehearsal.emulator import READINGS
from tests.model.dynamodb import Away
from tests.model.jobs import INVALID_BODIES
from tests.model.outcomes import fates
from tests.model.outcomes.events import matches
from tests.model.outcomes.fates import ATTEMPTS, Fate, LimitedJob
from tests.model.outcomes.invariants import check_quiet
from tests.model.outcomes.world import FollowedWorld
from tests.model.wire import Fault
from tests.model.world import Delivery, Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.outcomes.ecs import Life

MINUTE = 60.0
HOUR = 3600.0


@pytest.fixture
def world() -> Iterator[FollowedWorld]:
    with FollowedWorld(READINGS[0]) as world:
        world.ecs.of_all = (fates.GOOD,)
        yield world


def send(world: FollowedWorld, *of: Fate, number: int = 1, **job: Any) -> str:
    """Send a job whose tasks have these fates, one after the other; return its key."""
    world.ecs.script[number] = deque(of)
    key = f"job-{number}"
    world.send(LimitedJob(number=number, **job), key=key)
    return key


def quiet(world: FollowedWorld) -> None:
    world.settle()
    check_quiet(world)


def fate(world: FollowedWorld, key: str = "job-1") -> tuple[str, str]:
    item: Any = world.stages["dev"].table.items[key]
    return item["status"]["S"], item["history"]["S"]


def lives(world: FollowedWorld, key: str = "job-1") -> list[Life]:
    return [life for life in world.ecs.alive.values() if life.task.started_by.endswith(f"/{key}")]


def test_a_task_that_never_started_is_started_as_often_as_its_cause_allows(
    world: FollowedWorld,
) -> None:
    send(world, *[fates.INTERFACE] * 9)
    quiet(world)
    assert len(lives(world)) == ATTEMPTS["network-interface"]
    assert fate(world)[0] == "never-started"


def test_each_cause_has_its_own_attempts(world: FollowedWorld) -> None:
    send(world, fates.PULL, fates.INTERFACE, fates.STRANGE, fates.INTERFACE, fates.GOOD)
    quiet(world)
    assert len(lives(world)) == 5
    assert fate(world)[0] == "succeeded"


@pytest.mark.parametrize(
    "end", [fates.NO_IMAGE, fates.BAD, fates.SPOT_AFTER, fates.BY_HAND], ids=lambda end: end.reason
)
def test_what_ran_or_cannot_heal_is_not_started_again(world: FollowedWorld, end: Fate) -> None:
    send(world, end)
    quiet(world)
    assert len(lives(world)) == 1
    assert fate(world)[0] == end.state


def test_on_exit_starts_a_task_again_that_ran(world: FollowedWorld) -> None:
    send(world, fates.AGAIN, fates.AGAIN, fates.GOOD, again=2)
    quiet(world)
    assert len(lives(world)) == 3
    assert fate(world)[0] == "succeeded"


def test_a_task_that_ran_for_hours_is_started_again(world: FollowedWorld) -> None:
    send(world, replace(fates.AGAIN, ends_after=2 * HOUR), again=1)
    quiet(world)
    assert len(lives(world)) == 2
    assert fate(world)[0] == "succeeded"


def test_a_task_is_started_again_late_in_the_hour_for_which_ecs_describes_it(
    world: FollowedWorld,
) -> None:
    send(world, fates.INTERFACE)
    world.deliver()
    world.live(55 * MINUTE)
    quiet(world)
    assert len(lives(world)) == 2


def test_the_next_capacity_provider_is_used_after_spot_took_a_task_back(
    world: FollowedWorld,
) -> None:
    send(world, fates.SPOT_BEFORE, spot=True)
    quiet(world)
    used = [life.call["capacityProviderStrategy"][0]["capacityProvider"] for life in lives(world)]
    assert used == ["FARGATE_SPOT", "FARGATE"]


def test_a_task_is_stopped_within_two_sweeps_of_its_limit(world: FollowedWorld) -> None:
    send(world, fates.LONG, minutes=10)
    world.deliver()
    world.live(HOUR)
    (life,) = lives(world)
    assert life.stop_called_at is not None
    assert life.started_at is not None
    assert 0 <= life.stop_called_at - life.started_at - 10 * MINUTE <= 2 * MINUTE
    quiet(world)
    assert fate(world)[0] == "timed-out"


def test_a_task_is_stopped_also_if_all_its_events_get_lost(world: FollowedWorld) -> None:
    send(world, fates.LONG, minutes=2)
    world.bus.loss = 1.0
    world.deliver()
    world.live(HOUR)
    assert fate(world)[0] == "timed-out"
    quiet(world)


def test_lost_doubled_and_late_events_change_no_fate(world: FollowedWorld) -> None:
    ends = [fates.GOOD, fates.BAD, fates.INTERFACE, fates.NO_IMAGE]
    for number, end in enumerate(ends, 1):
        send(world, end, number=number)
    world.bus.loss, world.bus.double = 0.5, 1.0
    for _ in range(9):
        world.deliver()
        world.live(20 * MINUTE)
    quiet(world)
    states = [fate(world, f"job-{number}")[0] for number in range(1, 5)]
    assert states == ["succeeded", "failed", "succeeded", "never-started"]


def test_thirty_tasks_run_three_at_once(world: FollowedWorld) -> None:
    for number in range(1, 31):
        send(world, number=number, most=3)
    quiet(world)
    assert len(world.ecs.alive) == 30
    ends = max(life.task.stops_at for life in world.ecs.alive.values())
    # Ten rounds of a good task, and what SQS and the events take in between.
    assert ends < 10 * (fates.GOOD.ends_after + 2.5 * MINUTE)


def test_a_group_whose_events_get_lost_goes_on(world: FollowedWorld) -> None:
    for number in range(1, 5):
        send(world, number=number, most=1)
    world.bus.loss = 1.0
    for _ in range(12):
        world.deliver()
        world.live(0.5 * HOUR)
    assert len(world.ecs.alive) == 4
    quiet(world)


@pytest.mark.parametrize("away", list(Away), ids=str)
def test_good_first_messages_are_launched_although_the_table_is_away(away: Away) -> None:
    for seed in range(3):
        with FollowedWorld(READINGS[seed], Options(seed=seed)) as world:
            world.table_away(away)
            sent = [world.send(LimitedJob(number=number)) for number in range(1, 11)]
            for _ in range(3):
                world.deliver()
                world.live(20 * MINUTE)
            assert [len(world.history.tasks(world.ecs, one)) for one in sent] == [1] * 10
            assert not world.stages["dev"].table.items
            quiet(world)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=str)
@pytest.mark.parametrize("number", range(8))
def test_a_crash_at_any_call_changes_no_fate(
    world: FollowedWorld, number: int, fault: Fault
) -> None:
    send(world, fates.INTERFACE, fates.AGAIN, fates.LONG, again=1, minutes=2, most=2)
    send(world, fates.NO_IMAGE, number=2)
    world.deliver()
    for _ in range(4):
        world.live(4 * MINUTE, {number: fault})
        world.deliver(Delivery(plan={number: fault}))
    quiet(world)
    assert len(lives(world)) == 3
    assert fate(world)[0] == "timed-out"
    assert fate(world, "job-2")[0] == "never-started"


def test_a_restart_that_is_delivered_twice_starts_one_task(world: FollowedWorld) -> None:
    send(world, fates.INTERFACE, fates.GOOD)
    world.deliver()
    world.live(5 * MINUTE)
    restart = world.after["dev"].told.restarts[0]
    world.tick(30)
    world.stages["dev"].work.duplicate(restart, echoes=1)
    world.deliver(Delivery(), Delivery(environment=1))
    world.stages["dev"].work.duplicate(restart)
    quiet(world)
    assert len(lives(world)) == 2


@pytest.mark.parametrize("delay", [number * 0.02 for number in range(16)])
def test_two_restarts_of_a_key_at_once_start_two_tasks(world: FollowedWorld, delay: float) -> None:
    send(world, fates.INTERFACE, fates.GOOD, fates.INTERFACE, count=3)
    world.deliver()
    world.live(5 * MINUTE)
    world.tick(30)
    world.deliver(Delivery(most=1), Delivery(most=1, environment=1, delay=delay))
    quiet(world)
    assert len(lives(world)) == 5


@pytest.mark.parametrize("delay", [number * 0.02 for number in range(16)])
def test_a_message_that_comes_again_beside_its_restart_hinders_nothing(
    world: FollowedWorld, delay: float
) -> None:
    send(world, fates.INTERFACE, fates.GOOD)
    world.deliver()
    world.live(5 * MINUTE)
    world.duplicate(world.stages["dev"].work.messages[0], "dev")
    world.tick(30)
    world.deliver(Delivery(most=1), Delivery(most=1, environment=1, delay=delay))
    quiet(world)
    assert len(lives(world)) == 2
    assert fate(world)[0] == "succeeded"


def test_the_place_of_a_running_task_is_kept_although_the_table_was_away_for_hours(
    world: FollowedWorld,
) -> None:
    send(world, fates.LONG, most=1)
    world.deliver()
    world.table_away(Away.UNREACHABLE)
    world.live(2 * HOUR)
    world.table_away(None)
    send(world, number=2, most=1)
    for _ in range(20):
        world.live(2 * MINUTE)
        world.deliver()
    assert len(world.ecs.alive) == 1
    quiet(world)


def test_a_task_that_ended_while_the_table_was_away_has_its_fate(world: FollowedWorld) -> None:
    send(world, fates.BAD)
    world.deliver()
    world.table_away(Away.UNREACHABLE)
    world.bus.loss = 1.0
    world.live(50 * MINUTE)
    world.table_away(None)
    quiet(world)
    assert fate(world)[0] == "failed"
    assert '"reason":"exit-code"' in fate(world)[1]


def test_a_restart_whose_report_was_lost_keeps_its_place(world: FollowedWorld) -> None:
    send(world, fates.INTERFACE, fates.LONG, most=1)
    send(world, number=2, most=1)
    world.deliver(Delivery(most=1))
    world.live(5 * MINUTE)
    world.bus.loss = 1.0
    world.deliver(Delivery(plan={"SendMessageBatch": Fault.LOST_REQUEST}))
    for _ in range(8):
        world.live(20 * MINUTE)
        world.deliver()
    assert len(lives(world)) == 2
    assert not lives(world, "job-2")
    quiet(world)


def test_a_rejected_message_has_its_result_and_its_notice(world: FollowedWorld) -> None:
    for _ in range(40):
        world.send(None, body=INVALID_BODIES["not JSON"])
    quiet(world)
    told = world.after["dev"].told
    assert len(told.results) == 40
    assert sum(notice["count"] for notice in told.notices) == 40
    assert len(told.notices) <= 3


def test_events_of_other_services_and_stages_are_not_sent() -> None:
    task = {"lastStatus": "STOPPED", "startedAt": "2026-11-24T10:00:00Z"}
    others = ["ecs-svc/1", "ecs-run-task/dev2/job", "ecs-run-task/dev", "by hand"]
    for rule in TASK_RULES:
        for started_by in others:
            assert not matches(rule.pattern("dev"), {**task, "startedBy": started_by})
