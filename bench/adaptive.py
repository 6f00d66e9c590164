"""botocore's own `adaptive` retry mode, on a clock of ours.

It is botocore's code, its classes put together as `botocore.retries.adaptive` does; only the
condition on which its token bucket waits is replaced, because that one waits in real time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import TokenBucket
from botocore.retries.throttling import CubicCalculator

if TYPE_CHECKING:
    from bench.kernel import Clock

_LEAST_SECONDS: Final = 1e-6
"""Less than that would not move a clock that is a float, and the bucket would ask for ever."""


class _Condition:
    """Waits in simulated time. One thread runs at a time, so there is nothing to lock.

    A waiting thread is not woken early when the rate rises: it looks again after its time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> _Condition:  # noqa: PYI034 - nobody derives from it
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, seconds: float) -> None:
        self._clock.sleep(max(seconds, _LEAST_SECONDS))

    def notify(self) -> None:
        pass


class _Bucket(TokenBucket):
    _clock: Any

    @property
    def _new_fill_rate_condition(self) -> _Condition:
        return _Condition(self._clock)

    @_new_fill_rate_condition.setter
    def _new_fill_rate_condition(self, _condition: object) -> None:
        """Take no condition that waits in real time."""


class _Detector:
    def is_throttling_error(self, *, code: str) -> bool:
        return code == "ThrottlingException"


class Limiter:
    """The rate limiter of one client."""

    def __init__(self, clock: Clock) -> None:
        """Start as a new client does: unlimited until it is throttled."""
        self._limiter = ClientRateLimiter(
            rate_adjustor=CubicCalculator(starting_max_rate=0, start_time=clock.current_time()),
            rate_clocker=RateClocker(cast("Any", clock)),
            token_bucket=_Bucket(max_rate=1, clock=cast("Any", clock)),
            throttling_detector=_Detector(),
            clock=clock,
        )

    def before(self) -> None:
        """Wait until a call may be made."""
        self._limiter.on_sending_request(None)

    def after(self, code: str) -> None:
        """Learn from an answer; `code` is its error code, or empty."""
        self._limiter.on_receiving_response(code=code)
