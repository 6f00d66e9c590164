"""May a call be made now, and if not, when shall the message be back?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from function.failures.reasons import Failure, RetryableFailure, make_failure
from function.launch.admission import Admission, Demand, TimeBudget
from function.launch.circuit_breaker import CircuitBreaker
from function.launch.rate_limiter import Quota, Quotas, RateLimiter
from function.limits import MAX_BACKOFF_SECONDS
from tests.unit.fakes import FakeClock, Rig, message, settings

DEMAND = Demand(
    pool="batch/FARGATE", size_pool="batch/FARGATE/small", supplies=frozenset({"FARGATE"}), tasks=1
)
LARGE = replace(DEMAND, size_pool="batch/FARGATE/large")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def admission(clock: FakeClock, rate: float = 10) -> Admission:
    quota = Quota(rate, 1)
    return Admission(
        rate_limiter=RateLimiter(Quotas(Quota(40, 100), quota, quota), 1, clock),
        circuit_breaker=CircuitBreaker(clock),
        clock=clock,
        draw=lambda: 1.0,
        max_backoff_seconds=MAX_BACKOFF_SECONDS,
    )


def budget(clock: FakeClock, seconds: float = 50, hold: float = 20) -> TimeBudget:
    return TimeBudget(started=clock.now, deadline=clock.now + seconds, hold_until=clock.now + hold)


def refused(found: Admission, demand: Demand, time_budget: TimeBudget) -> Failure:
    with pytest.raises(RetryableFailure) as caught:
        found.enter(demand, time_budget)
    return caught.value


def test_a_call_whose_turn_is_too_late_is_back_when_it_comes(clock: FakeClock) -> None:
    found = admission(clock, rate=0.01)
    found.enter(DEMAND, budget(clock))

    late = [refused(found, DEMAND, budget(clock)) for _ in range(3)]

    assert [failure.reason for failure in late] == ["not-attempted"] * 3
    assert [found.back_in(failure, 1, 10_000) for failure in late] == [100, 200, 300]


def test_no_message_is_back_at_once_but_one_that_waits_for_its_group(clock: FakeClock) -> None:
    found = admission(clock)

    late = refused(found, DEMAND, budget(clock, seconds=0))

    assert found.back_in(late, 1, 10_000) == 1
    assert found.back_in(make_failure("blocked-by-group", ""), 1, 10_000) == 0


def test_the_turn_of_a_message_is_limited_by_the_longest_backoff_and_its_age(
    clock: FakeClock,
) -> None:
    found = admission(clock)
    failure = RetryableFailure("not-attempted", "", seconds=5000)

    assert found.back_in(failure, 1, 10_000) == MAX_BACKOFF_SECONDS
    assert found.back_in(failure, 1, 30.5) == 30


def test_an_environment_failure_is_back_slowly(clock: FakeClock) -> None:
    assert admission(clock).back_in(make_failure("access-denied", ""), 1, 10_000) == 60
    assert admission(clock).back_in(make_failure("throttled", ""), 1, 10_000) == 2


def test_tasks_that_do_not_fit_are_not_held_and_do_not_hold_others(clock: FakeClock) -> None:
    found = admission(clock)
    found.enter(LARGE, budget(clock))
    found.failed(LARGE, make_failure("resource", ""))
    began = clock.now

    assert refused(found, LARGE, budget(clock)).reason == "circuit-open"
    found.enter(DEMAND, budget(clock))

    assert clock.now - began < 0.5


def test_an_exhausted_pool_holds_every_size(clock: FakeClock) -> None:
    found = admission(clock)
    found.enter(LARGE, budget(clock))
    found.failed(LARGE, make_failure("capacity", ""))
    began = clock.now

    found.enter(DEMAND, budget(clock))  # the probe, after its interval

    assert clock.now - began == pytest.approx(1, abs=0.2)


def test_a_probe_of_a_size_that_is_not_made_leaves_the_next_one_to_probe(clock: FakeClock) -> None:
    found = admission(clock)
    for reason in ("resource", "capacity"):
        found.enter(DEMAND, budget(clock))
        found.failed(DEMAND, make_failure(reason, ""))
        clock.now += 1
    clock.now -= 0.5
    assert refused(found, DEMAND, budget(clock, hold=0)).reason == "circuit-open"
    clock.now += 20

    found.enter(DEMAND, budget(clock))


def test_a_launch_closes_the_circuits(clock: FakeClock) -> None:
    found = admission(clock)
    found.enter(DEMAND, budget(clock))
    found.failed(DEMAND, make_failure("resource", ""))
    clock.now += 2
    found.enter(DEMAND, budget(clock))
    found.launched(DEMAND)

    found.enter(DEMAND, budget(clock))
    found.enter(DEMAND, budget(clock))


@pytest.mark.parametrize(("rate", "concurrency"), [("1", "60"), ("1", "2"), ("5", "1000")])
def test_a_good_message_does_not_circulate_at_a_low_rate(rate: str, concurrency: str) -> None:
    """At visibility 0, 267 of 300 messages were received a thousand times."""
    rig = Rig(
        settings=settings(
            FARGATE_LAUNCH_RATE=rate, FARGATE_LAUNCH_BURST="1", MAXIMUM_CONCURRENCY=concurrency
        )
    )
    due = {f"message-{number}": (rig.clock.now, 1, number) for number in range(30)}
    receives = 0
    while due and receives < 2000:
        moment = min(at for at, _, _ in due.values())
        rig.clock.now = max(rig.clock.now, moment)
        batch = [name for name, (at, _, _) in due.items() if at <= rig.clock.now][:10]
        began = rig.clock.now
        returned = rig.handle(
            *(rig.record(message(), due[name][2], receives=due[name][1]) for name in batch)
        )
        receives += len(batch)
        for name in batch:
            _, received, number = due.pop(name)
            if name in returned:
                back = began + rig.sqs.visibility[f"receipt-{number}"]
                due[name] = (max(back, rig.clock.now), received + 1, number)

    assert not due
    assert rig.ecs.count == 30
    assert receives < 30 * 20
