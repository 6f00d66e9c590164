"""The messages of the rehearsal, and what has to become of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runtask.messages import read_messages

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class SampleResult(StrEnum):
    """What became of a message."""

    LAUNCHED = "launched"
    STARTED_ALREADY = "started already"
    REJECTED = "rejected"
    LAUNCHED_AGAIN = "launched again"  # a second task for one key: never right
    MISSING = "missing"  # neither a task nor in the DLQ: never right


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A message, and the fact that it is to show."""

    name: str
    file: str
    key: str
    verdict: SampleResult
    exit_code: int | None = None
    reason: str = ""

    @property
    def body(self) -> str:
        """The text to send, as a sender of the file's kind would send it."""
        (message,) = read_messages([str(EXAMPLES / self.file)], None)
        return message.body


def _launch(file: str, exit_code: int, name: str = "") -> Sample:
    return Sample(
        name=name or file,
        file=file,
        key=f"rehearsal-{Path(file).stem}",
        verdict=SampleResult.LAUNCHED,
        exit_code=exit_code,
    )


def _reject(file: str, reason: str) -> Sample:
    return Sample(
        name=file,
        file=file,
        key=f"rehearsal-{Path(file).stem}",
        verdict=SampleResult.REJECTED,
        reason=reason,
    )


DEV_SAMPLES = (
    _launch("run-task.json", 0),
    _launch("flat.json", 0),
    Sample(
        name="flat.json, delivered twice",
        file="flat.json",
        key="rehearsal-flat",
        verdict=SampleResult.STARTED_ALREADY,
        exit_code=0,
    ),
    _launch("without-network.yaml", 7),
    _launch("apostrophes.txt", 0),
    _reject("invalid.json", "wrong-type"),
    _reject("not-allowed.json", "not-allowed"),
)

# What is promoted has to work where it is promoted to.
PROD_SAMPLES = (_launch("run-task.json", 0),)
