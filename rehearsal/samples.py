"""The messages of the rehearsal, and the result that is expected of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from function.outcomes.states import State
from rehearsal.emulator import scripts
from runtask.messages import read_messages

if TYPE_CHECKING:
    from rehearsal.emulator import TaskFailure

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"


class SampleResult(StrEnum):
    """What became of a message."""

    LAUNCHED = "launched"
    STARTED_ALREADY = "started already"
    REJECTED = "rejected"
    # More tasks for one key than it asks for: never expected.
    LAUNCHED_AGAIN = "launched again"
    # Neither a task nor in the DLQ: never expected.
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A message and its expected result.

    Attributes:
        name: The name in the results.
        file: The file in `examples` with the body.
        key: The idempotency key; empty if the message's id is the key.
        tasks: The number of tasks that it asks for.
        result: The expected result.
        exit_code: The expected exit code of the task, if there is one.
        reason: The expected reason of a rejection, or empty.
        outcome: The state that the key is expected to reach.
        failure: Why its first task never starts, so that it is started again; None if it does.
    """

    name: str
    file: str
    key: str
    result: SampleResult
    tasks: int = 1
    exit_code: int | None = None
    reason: str = ""
    outcome: State = State.SUCCEEDED
    failure: TaskFailure | None = None

    @property
    def all_tasks(self) -> int:
        """How many tasks are started, with that which is started again."""
        return self.tasks + (self.failure is not None)

    @property
    def body(self) -> str:
        """The message body, as `runtask send` sends it."""
        (message,) = read_messages([str(EXAMPLES / self.file)], None)
        return message.body


def _launch(file: str, exit_code: int, tasks: int = 1) -> Sample:
    return Sample(
        name=file,
        file=file,
        key=f"rehearsal-{Path(file).stem}",
        result=SampleResult.LAUNCHED,
        tasks=tasks,
        exit_code=exit_code,
        outcome=State.FAILED if exit_code else State.SUCCEEDED,
    )


def _reject(file: str, reason: str) -> Sample:
    return Sample(
        name=file,
        file=file,
        key=f"rehearsal-{Path(file).stem}",
        result=SampleResult.REJECTED,
        reason=reason,
        outcome=State.REJECTED,
    )


DEV_SAMPLES: Final = (
    _launch("run-task.json", 0),
    _launch("flat.json", 0),
    Sample(
        name="flat.json, delivered twice",
        file="flat.json",
        key="rehearsal-flat",
        result=SampleResult.STARTED_ALREADY,
        exit_code=0,
    ),
    _launch("without-network.yaml", 7),
    _launch("own-network.yaml", 0),
    _launch("apostrophes.txt", 0),
    _launch("several.json", 0, tasks=3),
    _launch("payload.json", 0),
    _reject("invalid.json", "wrong-type"),
    _reject("not-allowed.json", "not-allowed"),
)

# A restart comes after 15 seconds, and the rehearsal does something else meanwhile.
LATE_SAMPLES: Final = (
    Sample(
        name="flat.json, whose task never starts",
        file="flat.json",
        key="",
        result=SampleResult.LAUNCHED,
        exit_code=0,
        failure=scripts.NETWORK_INTERFACE_TIMEOUT,
    ),
)

# After the promotion: the artifact works in the other account.
PROD_SAMPLES: Final = (_launch("run-task.json", 0),)
