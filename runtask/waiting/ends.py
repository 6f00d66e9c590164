"""What has become of a message that is waited for, as an exit code and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from function.outcomes.states import State
from runtask.errors import ExitCode, RuntaskError
from runtask.key_report import key_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtask.sight import Sight

_KEY_REUSED: Final = "key-reused"

# The exit codes of a process, without 0.
_MAX_EXIT_CODE: Final = 255

# The exit codes of states that have one of their own, the worst first.
_OWN_CODES: Final = {
    State.REJECTED: ExitCode.REJECTED,
    State.EXPIRED: ExitCode.REJECTED,
    State.NEVER_STARTED: ExitCode.NEVER_STARTED,
    State.TIMED_OUT: ExitCode.TIMED_OUT,
    State.STOPPED: ExitCode.STOPPED,
}

# Keys of which an error tells cause and cure.
_MAX_EXPLAINED: Final = 20


class EndedError(RuntaskError):
    """A message that was waited for did not succeed.

    Args:
        text: What became of it.
        code: The exit code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """A message that is waited for.

    Attributes:
        key: Its key.
        message_id: What SQS calls it.
        digest: The hash of its request, `Request.digest()`.
    """

    key: str
    message_id: str
    digest: str


def as_told(awaited: Awaited, sight: Sight) -> Sight:
    """Return what became of a message, where its key has become something.

    The two differ if the key belongs to another message: then this one is rejected.
    """
    history = sight.history
    rejection = history.rejection
    refused = (
        rejection is not None
        and rejection.reason == _KEY_REUSED
        and rejection.message_id == awaited.message_id
    )
    asked = history.asked
    if refused or (asked is not None and asked.digest != awaited.digest):
        return replace(
            sight,
            history=replace(
                history, state=State.REJECTED, reason=_KEY_REUSED, exit_code=None, runs=()
            ),
        )
    return sight


def exit_code(sight: Sight) -> int:
    """Return the exit code of `runtask send --wait` for one message; 0 if it has not ended."""
    history = sight.history
    if not sight.final or history.state is State.SUCCEEDED:
        return ExitCode.OK
    if history.state in _OWN_CODES:
        return _OWN_CODES[history.state]
    code = history.exit_code or 0
    return code if 0 < code <= _MAX_EXIT_CODE else ExitCode.NO_EXIT_CODE


def failure(sights: Sequence[Sight], stage: str) -> EndedError | None:
    """Return the error of what has not succeeded, with the exit code of the worst.

    Args:
        sights: What became of the messages.
        stage: The stage.
    """
    failed = sorted((sight for sight in sights if exit_code(sight)), key=_badness)
    if not failed:
        return None
    texts = [_explained(sight, stage) for sight in failed[:_MAX_EXPLAINED]]
    if len(failed) > _MAX_EXPLAINED:
        texts.append(
            f"and {len(failed) - _MAX_EXPLAINED:,} more; run: runtask status --stage {stage}"
        )
    if len(sights) > 1:
        texts.insert(0, f"{len(failed):,} of {len(sights):,} did not succeed:")
    return EndedError("\n".join(texts), exit_code(failed[0]))


def count_words(sights: Sequence[Sight]) -> str:
    """Return how many messages are in which state, in words."""
    numbers = dict.fromkeys(State, 0)
    for sight in sights:
        numbers[sight.history.state] += 1
    return ", ".join(f"{number:,} {state}" for state, number in numbers.items() if number)


def _badness(sight: Sight) -> tuple[int, int]:
    """Return what orders messages that have not succeeded, the worst first."""
    states = [*_OWN_CODES, State.FAILED]
    return states.index(sight.history.state), -exit_code(sight)


def _explained(sight: Sight, stage: str) -> str:
    report = key_report(sight, stage)
    reason = f" ({report['reason']})" if report["reason"] else ""
    code = "" if report["exitCode"] is None else f", exit code {report['exitCode']}"
    lines = [f"{sight.key} {report['state']}{reason}: {report['what']}{code}"]
    lines += [f"  {name}: {report[name]}" for name in ("error", "cause", "cure") if report[name]]
    return "\n".join(lines)
