"""How a backlog of 10,000 messages drains, on a simulated clock."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Final
from unittest import mock

from bench.cloud import Mapping, Queue, Quota
from bench.kernel import Clock, Kernel, Pool
from bench.policies import ADAPTIVE, JITTER_10, OURS, POLICIES, Policy, World

MESSAGES: Final = 10_000

CURVE_POINTS: Final = 50


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The conditions under which the backlog drains.

    Attributes:
        name: Its name in tables and results.
        rate: The account's quota, in RunTask calls per second.
        launch_rate: The rate that the function is configured with.
        others: Calls per second of other callers in the account.
        refusals_cost: A refused call takes what is left of a token.
        outage_seconds: How long there is no capacity at the beginning.
        burst_seconds: How many seconds of its rate a full bucket holds.
        policies: The policies that are measured.
    """

    name: str
    rate: float = 20.0
    launch_rate: float = 20.0
    others: float = 0.0
    refusals_cost: bool = False
    outage_seconds: float = 0.0
    burst_seconds: float = 1.0
    policies: tuple[Policy, ...] = (OURS, ADAPTIVE)

    @property
    def burst(self) -> float:
        """The tokens in a full bucket."""
        return self.rate * self.burst_seconds

    @property
    def ideal_seconds(self) -> float:
        """The shortest possible time that leaves the others their share."""
        return self.outage_seconds + (MESSAGES - self.burst) / (self.rate - self.others)


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
)


def drain(scenario: Scenario, policy: Policy, seed: int) -> dict[str, Any]:
    """Return the figures of one run."""
    kernel = Kernel()
    # One random stream for each part: a policy that draws more must not change the others.
    chance = random.Random(f"{seed} calls")  # noqa: S311 - a simulation
    traffic = random.Random(f"{seed} others")  # noqa: S311 - a simulation
    queue = Queue(
        kernel,
        MESSAGES,
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
    world = World(kernel, queue, quota, chance)
    mapping = Mapping(
        kernel=kernel,
        queue=queue,
        concurrency=policy.concurrency,
        batch=policy.batch,
        timeout_seconds=policy.timeout_seconds,
        ramp=policy.ramp,
    )
    with (
        # The handler's threads are threads of the simulation; its metrics are discarded.
        mock.patch("function.batch.ThreadPoolExecutor", functools.partial(Pool, kernel)),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        mapping.start(lambda clock: policy.make(world, clock, scenario.launch_rate))
        kernel.run()
    moments = sorted(world.started.values())
    launched = len({token.partition(".")[0] for token in world.started})
    seconds = moments[-1] if moments else 0.0
    return {
        "seconds": seconds,
        "ratio": seconds / scenario.ideal_seconds,
        # The last messages are late by chance; this is the bulk of them.
        "ratio99": (quantiles(moments, n=100)[-1] if len(moments) > 1 else 0.0)
        / (scenario.outage_seconds + (scenario.ideal_seconds - scenario.outage_seconds) * 0.99),
        "launched": launched,
        "twice": len(moments) - launched,
        "dead": queue.dead,
        "throttled": world.calls.get("ThrottlingException", 0),
        "calls": sum(world.calls.values()),
        "receives": mapping.receives / MESSAGES,
        "killed": mapping.killed,
        "gigabyte_seconds": mapping.busy_seconds * policy.memory_gigabytes,
        "others_refused": quota.others_refused,
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
    runs: list[dict[str, dict[str, Any]]] = [{} for _ in range(seeds)]
    for (scenario, policy, seed), figures in zip(work, found, strict=True):
        if seed > 1:
            figures.pop("curve")  # only the first seed is plotted
        runs[seed - 1][f"{scenario.name} | {policy.name}"] = figures
    return runs
