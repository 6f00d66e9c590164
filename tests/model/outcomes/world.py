"""The world with what comes after a launch."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.model import clock, sqs
from tests.model.application import make_application, queue_url
from tests.model.jobs import CLUSTERS
from tests.model.outcomes.ecs import LivingEcs, LivingEcsClient
from tests.model.outcomes.events import EventBus
from tests.model.outcomes.fates import ATTEMPTS
from tests.model.outcomes.services import CheckingLog, FollowingSqsClient, Told, Topic
from tests.model.wire import Wire
from tests.model.world import STAGES, Delivery, Environment, Options, World

if TYPE_CHECKING:
    import itertools

    from rehearsal.emulator import Reading
    from tests.model.world import Stage

ANNOUNCED: Final = ("rejected", "expired", "never-started", "timed-out", "stopped", "failed")

SWEEP: Final = json.dumps({"event": "sweep"})
SWEEP_SECONDS: Final = 60.0

_EVENTS_RETENTION_SECONDS: Final = 14 * 24 * 3600.0
_MAX_EVENTS: Final = 10
_MAX_ROUNDS: Final = 1500
_MAX_SETTLE_SECONDS: Final = 20 * 3600.0
_IDLE_SECONDS: Final = 900.0


@dataclass(kw_only=True)
class After:
    """What a stage has besides for its outcomes.

    Attributes:
        events: the events queue.
        told: what was told.
        sweeps: when a sweep ran in which nothing went wrong.
        moves: when a batch of work ran in which nothing went wrong.
    """

    events: sqs.Queue
    told: Told
    sweeps: list[float] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)


class FollowedWorld(World):
    """Stages that follow their tasks, on one ECS."""

    def __init__(self, reading: Reading, options: Options | None = None) -> None:
        self.after: dict[str, After] = {}
        super().__init__(reading, options)
        self.ecs: LivingEcs = LivingEcs(
            kernel=self.kernel, draw=self.draw, reading=reading, clusters=set(CLUSTERS)
        )
        self.change_network()
        self.bus = EventBus(
            ecs=self.ecs,
            draw=self.draw,
            queues={name: after.events for name, after in self.after.items()},
            on_wrong=self.history.violate,
        )
        self.repaired_at: float | None = None
        self._hindered: list[tuple[float, float]] = []
        self._hindered_since: float | None = None

    def _stage(self, name: str, ids: itertools.count[int]) -> Stage:
        stage = super()._stage(name, ids)
        told = Told(on_wrong=self.history.violate, now=lambda: self.kernel.now)
        events = sqs.Queue(
            kernel=self.kernel,
            retention_seconds=_EVENTS_RETENTION_SECONDS,
            max_receives=100,
            dead=sqs.Queue(kernel=self.kernel, retention_seconds=_EVENTS_RETENTION_SECONDS),
            on_move=lambda _: self.history.violate("an event came to the dead-letter queue"),
            ids=ids,
        )
        self.after[name] = After(events=events, told=told)
        of_senders = stage.work.on_drop

        def dropped(message: sqs.Message) -> None:
            if message.id in self.history.sent:
                of_senders(message)

        stage.work.on_drop = dropped
        return stage

    def _environment(self, stage: Stage) -> Environment:
        time = clock.Clock(self.kernel)
        wire = Wire(time, self.draw, self.options.chance)
        after = self.after[stage.name]
        letters: list[str] = []

        def on_letter(letter: sqs.Message) -> None:
            letters.append(self.history.letter(letter))

        urls = {kind: queue_url(stage.name, kind) for kind in ("work", "dlq", "events", "results")}
        handler = make_application(
            stage.name,
            ecs=LivingEcsClient(wire=wire, ecs=self.ecs),
            sqs=FollowingSqsClient(
                wire=wire,
                work=stage.work,
                dead=stage.dead,
                events=after.events,
                work_url=urls["work"],
                dead_url=urls["dlq"],
                events_url=urls["events"],
                results_url=urls["results"],
                told=after.told,
                on_letter=on_letter,
            ),
            **self.parts(stage, wire, time),
            more={
                "EVENTS_QUEUE_URL": urls["events"],
                "RESULTS_QUEUE_URL": urls["results"],
                "START_ATTEMPTS": json.dumps(ATTEMPTS),
                "ANNOUNCE": json.dumps(ANNOUNCED),
            },
            sns=Topic(wire=wire, told=after.told),
            log=CheckingLog(after.told),
        )
        return Environment(clock=time, wire=wire, handler=handler, letters=letters)

    # --- What may happen

    def deliver_events(self, *deliveries: Delivery) -> None:
        """Invoke the function with events, and wait until all ended."""
        for delivery in deliveries or [Delivery(stage=name) for name in STAGES]:
            self.kernel.spawn(functools.partial(self._invoke_events, delivery))
        self.kernel.run()

    def drain_events(self, plan: Any = None) -> None:
        """Invoke the function a few times, until no event is visible."""
        for _ in range(6):
            self.bus.pump()
            stages = [name for name in STAGES if self.after[name].events.visible]
            if not stages:
                return
            self.deliver_events(*(Delivery(stage=name, plan=dict(plan or {})) for name in stages))

    def schedule(self) -> None:
        """Let the rule of the sweep fire."""
        for after in self.after.values():
            after.events.send(SWEEP, {})

    def live(self, seconds: float, plan: Any = None, *, sweeping: bool = True) -> None:
        """Let time pass in which events are delivered, and sweeps run."""
        end = self.kernel.now + seconds
        while self.kernel.now < end:
            self.tick(min(self._until_next(end), end - self.kernel.now))
            if sweeping:
                self.schedule()
            self.drain_events(plan)

    def _until_next(self, end: float) -> float:
        """Return how long nothing is due; a sweep that finds nothing changes nothing."""
        now = self.kernel.now
        moments = [*self._due(), self.bus.next_at() or end]
        moments += [m.visible_at for after in self.after.values() for m in after.events.live]
        return max(SWEEP_SECONDS, min([*moments, now + _IDLE_SECONDS]) - now)

    def _due(self) -> list[float]:
        return [
            int(item["listed_at"]["N"]) / 1000 - clock.EPOCH
            for stage in self.stages.values()
            for item in stage.table.items.values()
            if item.get("listed", {}).get("S") in {"active", "notice"}
        ]

    def note_hindrance(self) -> None:
        """Remember whether something is in the way of launches from now on."""
        ecs, now = self.ecs, self.kernel.now
        full = any(pool.room is not None for pool in ecs.pools.values())
        away = any(stage.table.away for stage in self.stages.values())
        if self._hindered_since is not None:
            self._hindered.append((self._hindered_since, now))
            self._hindered_since = None
        if full or away or ecs.throttled or ecs.denied:
            self._hindered_since = now

    def was_hindered(self, begin: float, end: float) -> bool:
        """Return whether something was in the way of launches between two times."""
        return any(since < end and until > begin for since, until in self._hindered)

    def duplicate(self, message: sqs.Message, stage: str, echoes: int = 0) -> None:
        """Let a message be delivered once more, or more often at the same time."""
        if message.id in self.history.sent:
            super().duplicate(message, stage, echoes)
        else:
            self.stages[stage].work.duplicate(message, echoes)

    def unsettled(self) -> list[tuple[sqs.Message, str]]:
        """Return the messages of senders that were delivered and are still in a queue."""
        return [pair for pair in super().unsettled() if pair[0].id in self.history.sent]

    def repair(self) -> None:
        """End every fault."""
        super().repair()
        self.note_hindrance()
        self.bus.loss = 0.0
        if self.repaired_at is None:
            self.repaired_at = self.kernel.now

    def settle(self) -> None:
        """End every fault, and go on until nothing is left to do."""
        self.repair()
        end = self.kernel.now + _MAX_SETTLE_SECONDS
        swept = self.kernel.now
        for _ in range(_MAX_ROUNDS):
            self.bus.pump()
            if self.kernel.now - swept >= SWEEP_SECONDS:
                self.schedule()
                swept = self.kernel.now
            self.deliver(*(Delivery(stage=n) for n, s in self.stages.items() if s.work.visible))
            self.drain_events()
            wait = self._wait()
            if wait is None or self.kernel.now > end:
                break
            self.tick(wait)
        self.history.settled(
            [
                (name, m)
                for name, stage in self.stages.items()
                for m in stage.work.live
                if m.id in self.history.sent
            ]
        )
        for name, stage in self.stages.items():
            for message in stage.work.live:
                if message.id not in self.history.sent:
                    self.history.violate(f"{name}: a restart is left: {message.body}")
            for message in self.after[name].events.live:
                self.history.violate(f"{name}: an event is left: {message.body[:200]}")

    def _wait(self) -> float | None:
        """Return how long nothing happens, None if nothing is left to happen."""
        now = self.kernel.now
        queues = [s.work for s in self.stages.values()] + [a.events for a in self.after.values()]
        moments = [message.visible_at for queue in queues for message in queue.live]
        next_event = self.bus.next_at()
        if next_event is not None:
            moments.append(next_event)
        sweeps = self._due()
        items = [item for stage in self.stages.values() for item in stage.table.items.values()]
        if any(map(holders_of, items)):
            sweeps.append(now + 5 * SWEEP_SECONDS)
        moments += [max(at, now + SWEEP_SECONDS) for at in sweeps]
        return max(0.0, min(moments) - now) if moments else None

    # --- The event source mappings

    def handle(
        self, stage: Stage, delivery: Delivery, messages: list[sqs.Message], queue: str = "work"
    ) -> tuple[set[str], Environment]:
        """Invoke the function, and remember when nothing went wrong."""
        away = stage.table.away
        kept, environment = super().handle(stage, delivery, messages, queue)
        clean = not environment.wire.faulty and not environment.clock.crashed
        if clean and away is None and stage.table.away is None:
            after = self.after[stage.name]
            if queue == "work":
                after.moves.append(self.kernel.now)
            elif any(message.body == SWEEP for message in messages):
                after.sweeps.append(self.kernel.now)
        return kept, environment

    def _invoke_events(self, delivery: Delivery) -> None:
        self.kernel.sleep(delivery.delay)
        stage, after = self.stages[delivery.stage], self.after[delivery.stage]
        messages = after.events.receive(min(delivery.most, _MAX_EVENTS))
        if not messages:
            return
        receipts = [message.receipt for message in messages]
        kept, _ = self.handle(stage, delivery, messages, queue=f"{stage.name}-events")
        for message, receipt in zip(messages, receipts, strict=True):
            if message.id not in kept:
                after.events.delete(receipt)


def holders_of(item: Any) -> list[str]:
    """Return the keys that have a place in the item of a group."""
    return [name.removeprefix("holder/") for name in item if name.startswith("holder/")]
