"""Messages of every kind, each with what is expected to become of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.message import envelopes
from function.outcomes.states import State
from rehearsal.emulator import TaskScript, scripts
from tests.end_to_end.stage import NETWORK, task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from function.outcomes.history import History

# The secret of every message; where it is found, something has leaked.
CANARY: Final = "canary-5ecret"

# ECS's own container, which must not decide.
SIDECAR: Final = "aws-guardduty-agent-x1"

# The limited messages.
GROUP: Final = "etl"
MAX_AT_ONCE: Final = 3
LIMITED_SECONDS: Final = 0.4

# How often the stage starts a task whose network interface is not provided.
START_ATTEMPTS: Final = {"network-interface": 3}

PAYLOAD_CHARACTERS: Final = 500_000

TEMPLATE: Final = (
    "{cluster: 'batch', taskDefinition: 'report', launchType: 'FARGATE', "
    f"networkConfiguration: `{json.dumps(NETWORK)}`, "
    "overrides: {containerOverrides: [{name: 'report', command: ['sh', '-c', 'exit 0'], "
    "environment: [{name: 'OBJECT', value: s3.object.key}]}]}}"
)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of a key, as far as it is the same whatever the order of the news.

    Attributes:
        state: Its state.
        reason: Why.
        exit_code: Of the container that decides.
        tasks: How many tasks were started for it.
    """

    state: State
    reason: str = ""
    exit_code: int | None = None
    tasks: int = 1


def fate_of(history: History) -> Fate:
    """Return what became of a key."""
    return Fate(
        state=history.state,
        reason=history.reason,
        exit_code=history.exit_code,
        tasks=len(history.runs),
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Some messages that are expected to share a fate.

    Attributes:
        name: The beginning of their keys.
        keys: How many keys there are.
        fate: What is expected to become of each.
        body: Returns the body of a key's message.
        script: What ECS does with their tasks.
        copies: How many messages there are for each key.
        keyed: Whether the message names its key.
    """

    name: str
    keys: int
    fate: Fate
    body: Callable[[str], str]
    script: TaskScript | None = None
    copies: int = 1
    keyed: bool = True

    def bodies(self) -> dict[str, str]:
        """Return the body of each key's message."""
        names = (f"{self.name}-{number}" for number in range(self.keys))
        bodies = {name: self.body(name) for name in names}
        if self.keyed:
            return bodies
        return {_event_key(body): body for body in bodies.values()}


def _event_key(body: str) -> str:
    event = envelopes.event_of(json.loads(body), ["s3"])
    assert event
    assert event.key
    return event.key


def _launch(command: str, *without: str, **more: Any) -> Callable[[str], str]:
    override = {
        "name": "report",
        "command": ["sh", "-c", command],
        "environment": [{"name": "SECRET", "value": CANARY}],
    }
    overrides = {"containerOverrides": [override]}
    return lambda _key: task(*without, overrides=overrides, **more)


def _counting(folder: Path) -> Callable[[str], str]:
    """Return bodies of tasks that end with 75 twice, and then with 0."""
    command = 'echo x >> "$0"; [ "$(wc -l < "$0")" -gt 2 ] || exit 75'
    limits = {"onExit": {"restart": [75], "times": 2}}

    def body(key: str) -> str:
        override = {
            "name": "report",
            "command": ["sh", "-c", command, str(folder / key)],
            "environment": [{"name": "SECRET", "value": CANARY}],
        }
        return task(overrides={"containerOverrides": [override]}, limits=limits)

    return body


def _s3_event(key: str) -> str:
    found = {"key": f"in/{key}+%C3%BC.csv", "size": 1, "sequencer": key}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-24T12:00:00.000Z",
        "awsRegion": "eu-central-1",
        "s3": {"bucket": {"name": "in"}, "object": found},
    }
    return json.dumps({"Records": [record]})


def kinds(folder: Path, divisor: int = 1) -> tuple[Kind, ...]:
    """Return all kinds: 300 messages.

    Args:
        folder: For files in which tasks count their starts.
        divisor: By how much there are fewer.
    """

    def some(count: int) -> int:
        return max(2, count // divisor)

    succeeded = Fate(state=State.SUCCEEDED, exit_code=0)
    again = Fate(state=State.SUCCEEDED, exit_code=0, tasks=2)
    return (
        Kind(
            name="exit-0",
            keys=some(40),
            fate=succeeded,
            body=_launch("exit 0"),
            script=TaskScript(injected=(SIDECAR,)),
        ),
        Kind(
            name="exit-7",
            keys=some(20),
            fate=Fate(state=State.FAILED, reason="exit-code", exit_code=7),
            body=_launch("exit 7"),
        ),
        Kind(
            name="on-exit",
            keys=some(15),
            fate=Fate(state=State.SUCCEEDED, exit_code=0, tasks=3),
            body=_counting(folder),
        ),
        _stopped("interface-once", some(20), again, scripts.NETWORK_INTERFACE_TIMEOUT, 1),
        _stopped(
            "interface-always",
            some(5),
            Fate(
                state=State.NEVER_STARTED,
                reason="network-interface",
                tasks=START_ATTEMPTS["network-interface"],
            ),
            scripts.NETWORK_INTERFACE_TIMEOUT,
        ),
        _stopped("pull-timeout", some(20), again, scripts.IMAGE_PULL_TIMEOUT, 1),
        _stopped(
            "no-image",
            some(15),
            Fate(state=State.NEVER_STARTED, reason="image-not-found"),
            scripts.IMAGE_NOT_FOUND,
        ),
        _stopped("spot-before", some(15), again, scripts.SPOT_BEFORE_START, 1),
        Kind(
            name="spot-after",
            keys=some(15),
            fate=Fate(state=State.STOPPED, reason="spot", exit_code=143),
            body=_launch("sleep 600"),
            script=TaskScript(failure=scripts.SPOT_AFTER_START),
        ),
        Kind(
            name="capacity",
            keys=some(15),
            fate=succeeded,
            body=_launch("exit 0", "launchType", limits={"capacity": ["FARGATE_SPOT", "FARGATE"]}),
        ),
        Kind(
            name="over-runtime",
            keys=some(15),
            fate=Fate(state=State.TIMED_OUT, reason="max-runtime", exit_code=143),
            body=_launch("sleep 600", limits={"maxRuntime": "1s"}),
        ),
        Kind(
            name="limited",
            keys=some(30),
            fate=succeeded,
            body=_launch(
                f"sleep {LIMITED_SECONDS}",
                limits={"concurrency": {"max": MAX_AT_ONCE, "group": GROUP}},
            ),
        ),
        Kind(
            name="payload",
            keys=some(10),
            fate=succeeded,
            body=_launch("exit 0", payload={"secret": CANARY, "rows": "x" * PAYLOAD_CHARACTERS}),
        ),
        Kind(name="s3", keys=some(20), fate=succeeded, body=_s3_event, keyed=False),
        Kind(name="duplicate", keys=some(10), fate=succeeded, body=_launch("exit 0"), copies=2),
        Kind(
            name="invalid",
            keys=some(10),
            fate=Fate(state=State.REJECTED, reason="wrong-type", tasks=0),
            body=lambda _key: task(count="two"),
        ),
        Kind(
            name="not-allowed",
            keys=some(15),
            fate=Fate(state=State.REJECTED, reason="not-allowed", tasks=0),
            body=lambda _key: task(taskDefinition="forbidden"),
        ),
    )


def _stopped(name: str, keys: int, fate: Fate, failure: Any, times: int | None = None) -> Kind:
    script = TaskScript(failure=failure, times=times)
    return Kind(name=name, keys=keys, fate=fate, body=_launch("exit 0"), script=script)


def fates(some: Sequence[Kind]) -> dict[str, Fate]:
    """Return what is expected to become of each key."""
    return {key: kind.fate for kind in some for key in kind.bodies()}
