"""What has to hold after the rehearsal, each with what was found instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.samples import SampleResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rehearsal.observer import Observed, Watch


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """A sentence that is to be true, and what was found if it is not."""

    text: str
    found: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is true."""
        return not self.found


def of_stage(watch: Watch, observed: Sequence[Observed]) -> Iterator[Expectation]:
    """Return what has to hold of one stage's messages."""
    stage = watch.outputs["stage"]
    for one in observed:
        yield from _of_sample(watch, one)
    rejected = {one.sent.message_id for one in observed if one.verdict is SampleResult.REJECTED}
    strangers = watch.dead_letters.keys() - rejected
    yield Expectation(
        text=f"{stage}: nothing else is in the DLQ",
        found=f"{len(strangers)} more messages" if strangers else "",
    )
    silent = watch.dead_letters.keys() - watch.notices.keys()
    yield Expectation(
        text=f"{stage}: every rejected message is announced on the topic",
        found=f"no notice of {len(silent)}" if silent else "",
    )
    left = watch.left_in_queue()
    yield Expectation(
        text=f"{stage}: the work queue is empty",
        found=f"{left} messages, in flight or waiting" if left else "",
    )


def _of_sample(watch: Watch, one: Observed) -> Iterator[Expectation]:
    sample = one.sent.sample
    name = f"{watch.outputs['stage']}: {sample.name}"
    wanted = f"{sample.verdict} ({sample.reason})" if sample.reason else str(sample.verdict)
    found = f"{one.verdict} ({one.reason})" if one.reason else str(one.verdict)
    if one.verdict is SampleResult.MISSING and (refusals := watch.refusals(sample)):
        found += f"; RunTask answered {refusals[-1]} {len(refusals)} times"
    yield Expectation(text=f"{name} is {wanted}", found="" if found == wanted else found)
    if sample.exit_code is not None:
        yield Expectation(
            text=f"{name}: its task ends with exit code {sample.exit_code}",
            found="" if one.exit_code == sample.exit_code else f"exit code {one.exit_code}",
        )


def same_artifact(digests: dict[str, str]) -> Expectation:
    """Return the expectation that all stages run the same bytes."""
    return Expectation(
        text="every stage's function runs the same artifact",
        found="" if len(set(digests.values())) == 1 else str(digests),
    )


def no_drift(stage: str, drift: str) -> Expectation:
    """Return the expectation that a stage runs what its stack and its file say."""
    return Expectation(text=f"{stage}: nothing has drifted", found=drift)
