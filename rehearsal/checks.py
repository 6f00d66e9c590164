"""The checks of the rehearsal, each with what was found instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.samples import SampleResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rehearsal.observer import ObservedSample, StageObserver
    from rehearsal.samples import Sample


@dataclass(frozen=True, kw_only=True)
class Check:
    """A statement that must be true after the rehearsal.

    Attributes:
        text: The statement.
        found: What was found instead; empty if the statement is true.
    """

    text: str
    found: str = ""

    @property
    def passed(self) -> bool:
        """Whether the statement is true."""
        return not self.found


def stage_checks(observer: StageObserver, observed: Sequence[ObservedSample]) -> Iterator[Check]:
    """Yield the checks of one stage's messages."""
    stage = observer.outputs["stage"]
    for one in observed:
        yield from sample_checks(observer, one)
    rejected = {one.sent.message_id for one in observed if one.result is SampleResult.REJECTED}
    others = observer.dead_letters.keys() - rejected
    yield Check(
        text=f"{stage}: nothing else is in the DLQ",
        found=f"{len(others)} more messages" if others else "",
    )
    unannounced = observer.dead_letters.keys() - observer.notifications.keys()
    yield Check(
        text=f"{stage}: every rejected message is announced on the failure topic",
        found=f"no notification of {len(unannounced)}" if unannounced else "",
    )
    left = observer.left_in_queue()
    yield Check(
        text=f"{stage}: the work queue is empty",
        found=f"{left} messages, in flight or waiting" if left else "",
    )


def sample_checks(observer: StageObserver, one: ObservedSample) -> Iterator[Check]:
    """Yield the checks of one message."""
    sample = one.sent.sample
    name = f"{observer.outputs['stage']}: {sample.name}"
    expected = f"{sample.result} ({sample.reason})" if sample.reason else str(sample.result)
    found = f"{one.result} ({one.reason})" if one.reason else str(one.result)
    if one.result is SampleResult.MISSING and (errors := observer.launch_errors(sample)):
        found += f"; RunTask answered {errors[-1]} {len(errors)} times"
    yield Check(text=f"{name} is {expected}", found="" if found == expected else found)
    if sample.all_tasks > 1:
        yield Check(
            text=f"{name}: {sample.all_tasks} tasks are started",
            found="" if one.tasks == sample.all_tasks else f"{one.tasks} tasks",
        )
    yield Check(
        text=f"{name}: its outcome is {sample.outcome}",
        found="" if one.outcome == sample.outcome else one.outcome or "none",
    )
    if sample.exit_code is not None:
        yield Check(
            text=f"{name}: {_each(sample)} with exit code {sample.exit_code}",
            found="" if one.exit_code == sample.exit_code else f"exit code {one.exit_code}",
        )


def _each(sample: Sample) -> str:
    return "its task ends" if sample.tasks == 1 else "each of its tasks ends"


def same_artifact(digests: Mapping[str, str]) -> Check:
    """Return the check that all stages run the same artifact.

    Args:
        digests: The SHA-256 of each stage's artifact.
    """
    return Check(
        text="every stage's function runs the same artifact",
        found="" if len(set(digests.values())) == 1 else str(digests),
    )


def no_drift(stage: str, drift: str) -> Check:
    """Return the check that a stage runs what its stack and its file say."""
    return Check(text=f"{stage}: nothing has drifted", found=drift)
