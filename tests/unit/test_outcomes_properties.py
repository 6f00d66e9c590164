"""Whatever the order, the doubling and the loss of news: one key has one history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from function.outcomes import reducer, settling, stops
from function.outcomes.history import Container, Effect, History, Run
from function.outcomes.observations import Due, Observation, TaskMissing, TaskSeen
from function.outcomes.serialization import from_text, to_text
from function.outcomes.states import FINAL
from tests.unit.outcomes import (
    KEY,
    NOW,
    POLICY,
    arn,
    asked,
    ended,
    launched,
    never_started,
    running,
)

LIMITS = {
    "maxRuntime": "1h",
    "concurrency": 3,
    "onExit": {"restart": [75], "times": 2, "announce": [7]},
}
TEMPORARY = (
    "Timeout waiting for network interface provisioning to complete.",
    "CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout",
    "Capacity is unavailable at this time.",
)
TEXTS = (*TEMPORARY, "CannotPullContainerError: manifest unknown", "of another kind")
CODES = (0, 0, 7, 75, None)
POLICIES = replace(POLICY, results=True)


@st.composite
def lives(draw: st.DrawFn, number: int) -> list[TaskSeen]:
    """The news of one task, in order: it ran and ended, was stopped, or never started."""
    if draw(st.booleans()):
        return [never_started(number, text=draw(st.sampled_from(TEXTS)))]
    how: dict[str, Any] = draw(
        st.sampled_from(
            (
                {},
                {"stop_code": "SpotInterruption"},
                {"stop_code": "UserInitiated", "stop_reason": "by hand"},
                {"stop_code": "UserInitiated", "stop_reason": "ecs-run-task: maxRuntime of 1h"},
            )
        )
    )
    news = [running(number), running(number, version=4, stop_code=how.get("stop_code", ""))]
    if draw(st.booleans()):
        news.append(ended(number, code=draw(st.sampled_from(CODES)), **how))
    return news


@st.composite
def worlds(draw: st.DrawFn) -> list[Observation]:
    count = draw(st.integers(1, 3))
    news: list[Observation] = []
    arns = [arn(number) for number in range(1, count + 1)]
    if draw(st.booleans()):
        news.append(launched(*arns, count=count, limits=LIMITS))
    for number in range(1, count + 1):
        news += draw(lives(number))
    if draw(st.booleans()):
        news.append(TaskMissing(key=KEY, arn=draw(st.sampled_from(arns))))
    return news


def comparable(history: History) -> History:
    """A history without its clock, and without the order of the decisions."""
    return replace(
        history,
        revision=0,
        first_seen_at=0.0,
        due_at=None,
        restart_due_at=None,
        replaced=tuple(sorted(history.replaced)),
        todo=tuple(
            sorted(
                (replace(effect, generation=0, seconds=0) for effect in history.todo),
                key=lambda effect: (effect.kind, effect.task, effect.reason),
            )
        ),
        # A missing task whose end is known later was told as what it was believed to be.
        done=(),
    )


def told_apart(history: History) -> History:
    return replace(comparable(history), todo=())


def play(news: list[Observation]) -> History:
    history = History(key=KEY)
    for at, observation in enumerate(news):
        history = reducer.reduce(history, observation, POLICIES, NOW + at)
    return history


@settings(max_examples=300, deadline=None)
@given(data=st.data(), news=worlds())
def test_order_and_doubling_of_news_do_not_matter(
    data: st.DataObject, news: list[Observation]
) -> None:
    doubled = [item for item in news for _ in range(data.draw(st.integers(1, 3)))]
    other = play(data.draw(st.permutations(doubled)))
    missed = any(isinstance(item, TaskMissing) for item in news)
    view = told_apart if missed else comparable
    assert view(other) == view(play(news))


@settings(deadline=None)
@given(data=st.data(), news=worlds())
def test_old_news_change_nothing(data: st.DataObject, news: list[Observation]) -> None:
    history = play(news)
    again = history
    for observation in data.draw(st.permutations(news)):
        again = reducer.reduce(again, observation, POLICIES, NOW + 50)
    assert replace(again, due_at=None) == replace(history, due_at=None)


@dataclass
class World:
    """An ECS and a work queue that do what a history asks for, and lose and double their news."""

    draw: Any
    count: int
    history: History = field(default_factory=lambda: History(key=KEY))
    performed: list[Effect] = field(default_factory=list)
    started: int = 0
    news: list[Observation] = field(default_factory=list)
    truth: dict[str, Run] = field(default_factory=dict)
    generation: int = 0
    now: float = NOW

    def start(self, number: int) -> None:
        arns = []
        for _ in range(number):
            self.started += 1
            arns.append(arn(self.started))
            life = self.draw(lives(self.started))
            self.news += life
            self.truth[arns[-1]] = life[-1].run
        self.news.append(
            launched(*arns, count=self.count, limits=LIMITS, launched_at=NOW + self.started)
        )

    def see(self, observation: Observation) -> None:
        before = self.history
        text = to_text(reducer.reduce(before, observation, POLICIES, self.now))
        self.history = from_text(text, key=KEY, revision=before.revision + 1)
        if self.draw(st.booleans()):
            self.perform()

    def perform(self) -> None:
        for effect in self.history.todo:
            self.performed.append(effect)
            if effect.kind == "restart" and effect.generation > self.generation:
                missing = effect.generation - self.generation
                self.generation = effect.generation
                self.start(missing)
            elif effect.kind == "restart":
                # The processor finds it made, and reports its tasks again.
                self.news.append(launched(*self.truth, count=self.count, limits=LIMITS))
            if effect.kind == "stop" and not settling.has_ended(self.truth[effect.task]):
                number = int(effect.task[-32:], 16)
                end = ended(
                    number,
                    code=143,
                    version=9,
                    stop_code="UserInitiated",
                    stop_reason=reducer.stop_text(self.history),
                )
                self.truth[effect.task] = end.run
                self.news.append(end)
        self.history = replace(self.history, todo=())

    def deliver(self) -> None:
        while self.news:
            place = self.draw(st.integers(0, len(self.news) - 1))
            observation = self.news[place]
            fate = self.draw(st.sampled_from(("taken", "taken", "taken", "twice", "lost")))
            if fate != "twice":
                del self.news[place]
            if fate != "lost":
                self.see(observation)

    def heal(self) -> None:
        """What the sweep does, with time passing, until nothing is due."""
        for _ in range(60):
            self.perform()
            self.deliver_restarts()
            due_at = self.history.due_at
            if self.history.state in FINAL or due_at is None:
                return
            self.now = max(self.now, due_at)
            for task in reducer.open_tasks(self.history):
                self.see(TaskSeen(key=KEY, run=self.truth[task]))
            self.see(Due(key=KEY))

    def deliver_restarts(self) -> None:
        while self.news:
            self.see(self.news.pop(0))
        self.perform()


@settings(max_examples=200, deadline=None)
@given(data=st.data(), count=st.integers(1, 3))
def test_with_lost_doubled_and_disordered_news_everything_comes_to_the_end_that_it_had(
    data: st.DataObject, count: int
) -> None:
    world = World(draw=data.draw, count=count)
    world.start(count)
    world.deliver()
    world.see(launched(*map(arn, range(1, count + 1)), count=count, limits=LIMITS))
    world.heal()
    history = world.history
    restarts = {effect.generation for effect in world.performed if effect.kind == "restart"}

    # Each task that was started again never ran, or ended with the exit code that asks for it.
    for task in history.replaced:
        run = world.truth[task]
        codes = {container.exit_code for container in run.containers}
        assert not stops.did_run(run) or codes == {75}
    assert restarts == set(range(1, history.generation + 1))
    assert len(history.replaced) == len(set(history.replaced)) == history.generation
    for cause, number in history.restarts.items():
        allowed = 2 if cause == stops.EXIT_CODE else POLICIES.restarts_for(cause)
        assert number <= allowed * count
    # The same facts in their true order say the same.
    live = [run for run in world.truth.values() if run.arn not in history.replaced]
    assert all(settling.has_ended(run) for run in live)
    facts = replace(history, runs=tuple(live), replaced=(), generation=0)
    assert history.state == settling.judge(facts, None, world.now).state
    assert history.state in FINAL
    # What an end asks for was asked for once.
    times = Counter(
        (effect.kind, effect.reason) for effect in world.performed if effect.kind == "release"
    )
    assert set(times.values()) <= {1}
    assert len(history.done) == len(set(history.done))
    stopped = [effect.task for effect in world.performed if effect.kind == "stop"]
    assert len(stopped) == len(set(stopped))


@settings(deadline=None)
@given(news=worlds())
def test_nothing_is_started_again_of_which_a_container_ran(news: list[Observation]) -> None:
    history = play([item for item in news if not isinstance(item, TaskMissing)])
    for run in history.runs:
        codes = {container.exit_code for container in run.containers}
        if run.arn in history.replaced:
            assert not stops.did_run(run) or codes == {75}


@settings(deadline=None)
@given(code=st.sampled_from(CODES), seconds=st.integers(0, 10_000))
def test_an_end_is_told_once(code: int | None, seconds: int) -> None:
    containers = (Container(name="app", ran=True, exit_code=code),)
    end = ended(containers=containers)
    history = play([launched(limits={**LIMITS, "onExit": {"announce": [7]}}), end])
    told = [effect.kind for effect in history.todo]
    assert told.count("result") == told.count("release") == 1
    history = replace(history, todo=())
    for observation in (end, launched(launched_at=NOW + 1), running(), Due(key=KEY), end):
        history = reducer.reduce(history, observation, POLICIES, NOW + seconds)
    assert history.todo == ()
    assert history.asked == asked(limits={**LIMITS, "onExit": {"announce": [7]}})
