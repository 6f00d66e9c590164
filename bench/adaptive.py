"""botocore's `adaptive` retry mode, in simulated time.

This is botocore's code, with its classes joined as in `botocore.retries.adaptive`. Only the
condition on which its token bucket waits is replaced, because that one waits in real time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from botocore.retries.adaptive import ClientRateLimiter, RateClocker
from botocore.retries.bucket import TokenBucket
from botocore.retries.throttling import CubicCalculator

if TYPE_CHECKING:
    from bench.kernel import Clock

# A shorter wait would not advance a clock that is a float, and the bucket would ask forever.
_MIN_WAIT_SECONDS: Final = 1e-6


class _Condition:
    """Waits in simulated time. Only one thread runs at a time, so there is nothing to lock.

    A waiting thread is not woken early when the rate rises: it checks again after its wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> _Condition:  # noqa: PYI034 - it has no subclasses
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, seconds: float) -> None:
        self._clock.sleep(max(seconds, _MIN_WAIT_SECONDS))

    def notify(self) -> None:
        pass


class _Bucket(TokenBucket):
    _clock: Any

    @property
    def _new_fill_rate_condition(self) -> _Condition:
        return _Condition(self._clock)

    @_new_fill_rate_condition.setter
    def _new_fill_rate_condition(self, _condition: object) -> None:
        """Ignore a condition that waits in real time."""


class _Detector:
    def is_throttling_error(self, *, code: str) -> bool:
        return code == "ThrottlingException"


class Limiter:
    """The rate limiter of one client; as in a new client, unlimited until it is throttled."""

    def __init__(self, clock: Clock) -> None:
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
        """Adapt to a response; `code` is its error code, or empty."""
        self._limiter.on_receiving_response(code=code)
