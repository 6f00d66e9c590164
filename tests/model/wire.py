"""The way of one execution environment to AWS: what takes time, gets lost or is cut off."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.model.clock import Clock

_T = TypeVar("_T")

# The least and the most that half a call takes: on the way there, and on the way back.
LATENCY_SECONDS: Final = (0.005, 0.03)

_ENDPOINT: Final = "https://aws.example"


class Fault(StrEnum):
    """What goes wrong with a call, before or after it has had its effect."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"
    ERROR_BEFORE = "5xx before"
    ERROR_AFTER = "5xx after"
    # The answer was lost, and the client's own retry had the same effect again. The clients of
    # ECS do not retry; those of the table and of the queues may.
    REPEATED = "repeated"
    SLOW_REQUEST = "slow request"
    SLOW_ANSWER = "slow answer"

    @property
    def early(self) -> bool:
        """Whether the call has no effect."""
        return self in {Fault.CRASH_BEFORE, Fault.LOST_REQUEST, Fault.ERROR_BEFORE}


# Less than the time-out of the handler's clients.
SLOW_SECONDS: Final = 5.0

_SLOW: Final = frozenset({Fault.SLOW_REQUEST, Fault.SLOW_ANSWER})
RETRIED: Final = frozenset({"PutItem", "UpdateItem", "SendMessage"})


Plan = dict[int | str, Fault]


def error_of(
    code: str, text: str, operation: str, status: int = 400, **more: object
) -> ClientError:
    """Return an error as botocore raises it."""
    response = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, operation)  # type: ignore[arg-type]


class Wire:
    """Carries the calls of one execution environment.

    Attributes:
        plan: the faults to come, by the number of the call from now, from 0, or by the name of
            the operation for its next call.
        faulty: whether a fault was injected since the last `expect`.
        chance: of a fault of each call.
    """

    def __init__(self, clock: Clock, draw: random.Random, chance: float = 0.0) -> None:
        self.clock = clock
        self.plan: Plan = {}
        self.faulty = False
        self.chance = chance
        self._draw = draw
        self._calls = 0

    def expect(self, plan: Plan) -> None:
        """Set the faults of the next invocation."""
        self.plan, self._calls, self.faulty = {**plan}, 0, False

    def call(self, operation: str, effect: Callable[[], _T]) -> _T:
        """Return what a call answers.

        Args:
            operation: the API's name of it.
            effect: what the service does.

        Raises:
            ClientError: what `effect` raises, or an injected error.
            BotoCoreError: the request or the answer was lost.
            Crash: the environment ended.
        """
        self.clock.check()
        fault = self._fault(operation)
        self._travel(operation)
        if fault is Fault.SLOW_REQUEST:
            self.clock.sleep(SLOW_SECONDS)
        if fault is not None and fault.early:
            self._fail(fault, operation)
        if fault is Fault.REPEATED and operation in RETRIED:
            effect()
            return effect()
        try:
            answer = effect()
        except ClientError:
            self._travel(operation)
            if fault is Fault.CRASH_AFTER:
                self.clock.crash()
            raise
        self._travel(operation)
        if fault is Fault.SLOW_ANSWER:
            self.clock.sleep(SLOW_SECONDS)
        elif fault is not None and fault not in _SLOW:
            self._fail(fault, operation)
        return answer

    def _travel(self, _operation: str) -> None:
        self.clock.sleep(self._draw.uniform(*LATENCY_SECONDS))

    def _fault(self, operation: str) -> Fault | None:
        number, self._calls = self._calls, self._calls + 1
        fault = self.plan.pop(number, None) or self.plan.pop(operation, None)
        if fault is None and self.chance and self._draw.random() < self.chance:
            fault = self._draw.choice(tuple(Fault))
        if fault is Fault.REPEATED and operation not in RETRIED:
            fault = Fault.LOST_ANSWER
        self.faulty = self.faulty or (fault is not None and fault not in _SLOW)
        return fault

    def _fail(self, fault: Fault, operation: str) -> None:
        if fault in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}:
            self.clock.crash()
        if fault is Fault.LOST_REQUEST:
            raise EndpointConnectionError(endpoint_url=_ENDPOINT)
        if fault is Fault.LOST_ANSWER:
            raise ReadTimeoutError(endpoint_url=_ENDPOINT)
        raise error_of("ServerException", "An internal error occurred.", operation, 500)
