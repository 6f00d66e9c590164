"""The same world, driven by a seeded chance: many runs, each in a fraction of a second.

A run is the same for the same seed and reading: `python -m tests.model.simulation --seed 7`.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rehearsal.emulator import READINGS, Reading
from tests.model.dynamodb import Away
from tests.model.invariants import ViolationError, check, check_quiet
from tests.model.jobs import CLUSTERS, INVALID_BODIES, Job
from tests.model.world import STAGES, Delivery, Options, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.model.world import MakeHandler

STEPS: Final = 60

# The chance of a fault of each call, one of these for a run.
_CHANCES: Final = (0.0, 0.02, 0.1)

# Mostly shorter than what a token, or a list of tasks, can be relied on.
_TICKS: Final = (1.0, 3.0, 30.0, 400.0, 400.0, 900.0, 1800.0, 4000.0, 6 * 3600.0, 25 * 3600.0)
_TICK_WEIGHTS: Final = (6, 6, 6, 6, 4, 4, 2, 1, 1, 1)

# Until a second environment begins: nearly at once, or while a call of the first one is slow.
_DELAYS: Final = (0.0, 0.0, 0.05, 1.5, 4.0)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of one run.

    Attributes:
        seed: of the run.
        reading: of AWS's documents.
        error: what did not hold, empty where everything did.
        messages: that were sent.
        tasks: that were started.
        letters: dead letters by reason.
        virtual_seconds: that passed in the world.
    """

    seed: int
    reading: Reading
    error: str
    messages: int
    tasks: int
    letters: dict[str, int]
    virtual_seconds: float


class _Scheduler:
    """Chooses what happens next."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        # A stream of its own: a handler that draws more must not change what happens.
        self.draw = random.Random(f"{seed} events")  # noqa: S311 - a simulation
        self.jobs: list[tuple[Job, str | None]] = []

    def step(self) -> None:
        """Let one thing happen."""
        actions: dict[Callable[[], None], int] = {
            self._send: 6,
            self._send_again: 2,
            self._send_invalid: 1,
            self._deliver: 14,
            self._tick: 6,
            self._duplicate: 2,
            self._wear_out: 1,
            self._redrive: 2,
            self._capacity: 4,
            self._throttle: 1,
            self._ghosts: 1,
            self._table: 2,
            self.world.change_network: 1,
            self.world.sweep: 1,
        }
        (action,) = self.draw.choices(list(actions), list(actions.values()))
        action()

    def _stage(self) -> str:
        return self.draw.choice(STAGES)

    def _send(self) -> None:
        for _ in range(self.draw.choice([1, 1, 3, 8])):
            number = len(self.jobs) + 1
            job = Job(
                number=number,
                count=self.draw.choice([1, 1, 2, 5, 10]),
                by_service=self.draw.random() < 1 / 3,
                cpu=self.draw.choice([256, 256, 4096]),
                cluster=self.draw.choice(CLUSTERS),
            )
            key = f"job-{number}" if self.draw.random() < 1 / 2 else None
            self.world.send(job, stage=self._stage(), key=key)
            self.jobs.append((job, key))

    def _send_again(self) -> None:
        keyed = [(job, key) for job, key in self.jobs if key is not None]
        if not keyed:
            return
        job, key = self.draw.choice(keyed)
        if self.draw.random() < 1 / 2:
            job = Job(number=len(self.jobs) + 1, count=self.draw.choice([1, job.count]))
            self.jobs.append((job, key))
        self.world.send(job, stage=self._stage(), key=key)

    def _send_invalid(self) -> None:
        body = self.draw.choice(list(INVALID_BODIES.values()))
        self.world.send(None, stage=self._stage(), body=body)

    def _deliver(self) -> None:
        deliveries = [
            Delivery(
                stage=stage,
                environment=number,
                most=self.draw.choice([1, 4, 10]),
                delay=self.draw.choice(_DELAYS),
            )
            for stage in STAGES
            for number in range(2)
            if self.draw.random() < 2 / 3
        ]
        self.world.deliver(*deliveries)

    def _tick(self) -> None:
        self.world.wait(*self.draw.choices(_TICKS, _TICK_WEIGHTS))

    def _duplicate(self) -> None:
        if messages := self.world.received():
            self.world.duplicate(*self.draw.choice(messages), self.draw.choice([0, 1]))

    def _wear_out(self) -> None:
        if messages := self.world.unsettled():
            self.world.wear_out(*self.draw.choice(messages))

    def _redrive(self) -> None:
        if letters := self.world.letters():
            self.world.redrive(*self.draw.choice(letters))

    def _capacity(self) -> None:
        pool = self.world.ecs.pool(f"{self.draw.choice(CLUSTERS)}/FARGATE")
        pool.room = self.draw.choice([0, 1, 4, None, None])
        pool.error = self.draw.random() < 1 / 3
        pool.largest_cpu = self.draw.choice([512, 16_384, 16_384])

    def _throttle(self) -> None:
        self.world.ecs.throttled = not self.world.ecs.throttled

    def _ghosts(self) -> None:
        self.world.ecs.ghosts = self.draw.choice([1, 2])

    def _table(self) -> None:
        self.world.table_away(self.draw.choice([None, None, *Away]))


def run(seed: int, reading: Reading, make: MakeHandler | None = None) -> Report:
    """Return what became of one run.

    Args:
        seed: of everything that is chance.
        reading: of AWS's documents.
        make: makes the handler; the product's if it is left out.
    """
    chance = random.Random(f"{seed} faults").choice(_CHANCES)  # noqa: S311 - a simulation
    options = Options(seed=seed, chance=chance)
    if make is not None:
        options.make = make
    error = ""
    with World(reading, options) as world:
        scheduler = _Scheduler(world, seed)
        try:
            for _ in range(STEPS):
                scheduler.step()
                check(world)
            world.settle()
            check_quiet(world)
        except ViolationError as found:
            error = str(found)
    letters: dict[str, int] = {}
    for sent in world.history.all():
        for letter in sent.letters:
            reason = letter.reason or "moved by SQS"
            letters[reason] = letters.get(reason, 0) + 1
    return Report(
        seed=seed,
        reading=reading,
        error=error,
        messages=sum(1 for _ in world.history.all()),
        tasks=len(world.ecs.tasks),
        letters=letters,
        virtual_seconds=world.kernel.now,
    )


def soak(seeds: Iterable[int], make: MakeHandler | None = None) -> Iterator[Report]:
    """Return the reports of many seeds; the readings take turns."""
    for seed in seeds:
        yield run(seed, READINGS[seed % len(READINGS)], make)


def main(arguments: list[str] | None = None) -> int:
    """Run seeds from the command line; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Simulate the handler among faults.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    options = parser.parse_args(arguments)
    first, seeds = (options.first, options.seeds) if options.seed is None else (options.seed, 1)
    begun, broken, tasks = time.monotonic(), 0, 0
    for report in soak(range(first, first + seeds)):
        tasks += report.tasks
        if report.error:
            broken += 1
            print(report.error, flush=True)  # noqa: T201 - a command
    seconds = time.monotonic() - begun
    print(f"{seeds} seeds, {tasks} tasks, {broken} broken, {seconds:.0f} s")  # noqa: T201 - a command
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
