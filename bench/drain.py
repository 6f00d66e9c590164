"""How a backlog of 10,000 tasks drains, on a simulated clock."""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final

from bench import environment
from bench.cloud import Ecs, Mapping, Queue, Quota
from bench.kernel import Kernel
from bench.policies import (
    ADAPTIVE,
    JITTER_10,
    OURS,
    OURS_RETRIED,
    POLICIES,
    Policy,
    World,
)
from tests.model.clock import Clock, simulated
from tests.model.dynamodb import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The tasks of all messages together.
TASKS: Final = 10_000

# How often a network changes, or a pool of capacity is refilled.
_REFILL_SECONDS: Final = 1.0

# The sum of all scenarios in both readings of what ECS remembers under a client token.
EVERY_SCENARIO: Final = "every scenario, both readings"

CURVE_POINTS: Final = 50


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The conditions under which the backlog drains.

    Attributes:
        name: Its name in tables and results.
        rate: The account's quota, in tasks per second.
        launch_rate: The rate that the function is configured with.
        others: Calls per second of other callers in the account.
        refusals_cost: A refused call takes what is left of a token.
        outage_seconds: How long there is no capacity at the beginning.
        burst_seconds: How many seconds of its rate a full bucket holds.
        count: The tasks of one message.
        keyed: The senders set an idempotency key.
        room_per_second: Tasks per second for which there is capacity, in one lump each second;
            None for any number.
        faults: The chance of a fault of each call of ours: a lost request or answer, a server
            error, a slow call, or the end of the execution environment.
        network_changes_seconds: How often the service, from which the messages take their
            network, gets another one; 0 if the messages have their own.
        policies: The policies that are measured.
    """

    name: str
    rate: float = 20.0
    launch_rate: float = 20.0
    others: float = 0.0
    refusals_cost: bool = False
    outage_seconds: float = 0.0
    burst_seconds: float = 1.0
    count: int = 1
    keyed: bool = False
    room_per_second: int | None = None
    faults: float = 0.0
    network_changes_seconds: float = 0.0
    policies: tuple[Policy, ...] = (OURS, OURS_RETRIED, ADAPTIVE)

    @property
    def burst(self) -> float:
        """The tokens in a full bucket."""
        return self.rate * self.burst_seconds

    @property
    def ideal_seconds(self) -> float:
        """The shortest possible time that leaves the others their share."""
        if self.room_per_second is not None and self.room_per_second < self.rate:
            return TASKS / self.room_per_second
        return self.outage_seconds + (TASKS - self.burst) / (self.rate - self.others)


_OURS_ONLY: Final = (OURS, OURS_RETRIED)
_ALL_BUT_ONE: Final = tuple(policy for policy in POLICIES if policy is not JITTER_10)

SCENARIOS: Final = (
    Scenario(name="20/s", policies=POLICIES),
    Scenario(name="5/s", rate=5, launch_rate=5),
    Scenario(name="5/s, told 20/s", rate=5),
    Scenario(name="100/s", rate=100, launch_rate=100),
    Scenario(name="20/s, half taken", others=10),
    Scenario(name="20/s, refusals cost", refusals_cost=True, policies=_ALL_BUT_ONE),
    Scenario(name="20/s, burst 100", burst_seconds=5),
    Scenario(name="20/s, burst 2", burst_seconds=0.1),
    Scenario(name="19/s, told 20/s", rate=19),
    Scenario(name="two hours without capacity", outage_seconds=7200, policies=_ALL_BUT_ONE),
    Scenario(name="20/s, with a key", keyed=True, policies=_OURS_ONLY),
    Scenario(name="20/s, count 10", count=10, policies=_OURS_ONLY),
    Scenario(
        name="5/s, burst 25, count 10",
        rate=5,
        launch_rate=5,
        burst_seconds=5,
        count=10,
        policies=_OURS_ONLY,
    ),
    Scenario(
        name="20/s, count 10, capacity for 7/s", count=10, room_per_second=7, policies=_OURS_ONLY
    ),
    Scenario(
        name="20/s, count 10, with a key, capacity for 7/s",
        count=10,
        keyed=True,
        room_per_second=7,
        policies=_OURS_ONLY,
    ),
    Scenario(name="20/s, 1 % of the calls fail", faults=0.01, policies=_OURS_ONLY),
    Scenario(
        name="20/s, count 10, capacity for 7/s, 5 % of the calls fail, networks change",
        count=10,
        room_per_second=7,
        faults=0.05,
        network_changes_seconds=120,
        policies=_OURS_ONLY,
    ),
)


def drain(scenario: Scenario, policy: Policy, seed: int) -> dict[str, Any]:
    """Return the figures of one run."""
    kernel = Kernel()
    # One random stream for each part: a policy that draws more must not change the others.
    chance = random.Random(f"{seed} calls")  # noqa: S311 - a simulation
    traffic = random.Random(f"{seed} others")  # noqa: S311 - a simulation
    supply = random.Random(f"{seed} supply")  # noqa: S311 - a simulation
    messages = TASKS // scenario.count
    queue = Queue(
        kernel,
        messages,
        visibility_seconds=policy.visibility_seconds,
        max_receives=policy.max_receives,
    )
    quota = Quota(
        clock=Clock(kernel),
        draw=traffic,
        rate=scenario.rate,
        burst=scenario.burst,
        others=scenario.others,
        refusals_cost=scenario.refusals_cost,
        outage_until=scenario.outage_seconds,
    )
    ecs = Ecs(kernel=kernel, draw=supply, reading=policy.reading, quota=quota)
    by_service = scenario.network_changes_seconds > 0
    world = World(
        kernel=kernel,
        queue=queue,
        ecs=ecs,
        table=Table(name=environment.LEDGER_TABLE),
        draw=chance,
        launch_rate=scenario.launch_rate,
        launch_burst=scenario.launch_rate * max(1.0, scenario.burst_seconds)
        if scenario.count > 1
        else scenario.launch_rate,
        body=environment.body(scenario.count, by_service=by_service),
        keyed=scenario.keyed,
        faults=scenario.faults,
    )
    mapping = Mapping(
        kernel=kernel,
        queue=queue,
        concurrency=policy.concurrency,
        batch=policy.batch,
        timeout_seconds=policy.timeout_seconds,
        ramp=policy.ramp,
    )
    # The handler's threads and locks are those of the simulation; its metrics are discarded.
    with simulated(kernel):
        for change in _changes(scenario, world):
            kernel.spawn(change)
        mapping.start(lambda clock: policy.make(world, clock))
        kernel.run()
    return {
        **_launches(scenario, ecs),
        "dead": queue.dead,
        "throttled": ecs.answers.get("ThrottlingException", 0),
        "calls": sum(ecs.answers.values()) / messages,
        "conflicts": ecs.answers.get("ConflictException", 0),
        "replays": ecs.replays,
        "table": (world.table.reads + world.table.writes) / messages,
        "receives": mapping.receives / messages,
        "killed": mapping.killed,
        "gigabyte_seconds": mapping.busy_seconds * policy.memory_gigabytes,
        "others_refused": quota.others_refused,
    }


def _changes(scenario: Scenario, world: World) -> Iterator[Callable[[], None]]:
    """Yield what changes while the queue drains: the capacity, and a service's network."""
    room = scenario.room_per_second
    if room is not None:
        pool = world.ecs.pool(f"{environment.CLUSTER}/FARGATE")

        def refill() -> None:
            while world.queue.left:
                pool.room = min(10 * room, (pool.room or 0) + room)
                world.kernel.sleep(_REFILL_SECONDS)

        pool.room = 0
        yield refill
    if scenario.network_changes_seconds:

        def change() -> None:
            number = 0
            while world.queue.left:
                number += 1
                network = {"subnets": [f"subnet-{number}"], "securityGroups": [f"sg-{number}"]}
                world.ecs.services[environment.SERVICE] = network
                until = world.kernel.now + scenario.network_changes_seconds
                while world.queue.left and world.kernel.now < until:
                    world.kernel.sleep(_REFILL_SECONDS)

        yield change


def _launches(scenario: Scenario, ecs: Ecs) -> dict[str, Any]:
    """Return how many tasks were started, and when."""
    moments = sorted(task.created_at for task in ecs.tasks)
    tasks = Counter(task.started_by for task in ecs.tasks)
    launched = sum(min(found, scenario.count) for found in tasks.values())
    seconds = moments[-1] if moments else 0.0
    return {
        "seconds": seconds,
        "ratio": seconds / scenario.ideal_seconds,
        # The last messages are late by chance; this is the bulk of them.
        "ratio99": (quantiles(moments, n=100)[-1] if len(moments) > 1 else 0.0)
        / (scenario.outage_seconds + (scenario.ideal_seconds - scenario.outage_seconds) * 0.99),
        "launched": launched,
        "twice": len(moments) - launched,
        "curve": [
            moments[min(len(moments) - 1, index * len(moments) // CURVE_POINTS)]
            for index in range(CURVE_POINTS + 1)
        ]
        if moments
        else [],
    }


def run(seeds: int) -> list[dict[str, dict[str, Any]]]:
    """Return the figures of each scenario and policy, for the seeds from 1; uses every CPU."""
    work = [
        (scenario, policy, seed)
        for seed in range(1, seeds + 1)
        for scenario in SCENARIOS
        for policy in scenario.policies
    ]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(drain, *zip(*work, strict=True)))
    runs: list[dict[str, dict[str, Any]]] = [
        {EVERY_SCENARIO: {"dead": 0, "twice": 0, "missing": 0}} for _ in range(seeds)
    ]
    for (scenario, policy, seed), figures in zip(work, found, strict=True):
        if seed > 1:
            figures.pop("curve")  # only the first seed is plotted
        runs[seed - 1][f"{scenario.name} | {policy.name}"] = figures
        if policy in _OURS_ONLY:
            total = runs[seed - 1][EVERY_SCENARIO]
            total["dead"] += figures["dead"]
            total["twice"] += figures["twice"]
            total["missing"] += TASKS - figures["launched"]
    return runs
