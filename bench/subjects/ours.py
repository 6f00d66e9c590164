"""The handler as it is deployed, in batches of ten, with its logs and metrics."""

from __future__ import annotations

from typing import Any

from function import handler


class _Context:
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Ours:
    """Handles a batch of ten per invocation.

    Args:
        count: The tasks of one message.
        keyed: The messages have an idempotency key.
        receives: How often the messages have been received. The deliveries before the measured
            one take place as well, unmeasured.
    """

    size = 10

    def __init__(self, *, count: int = 1, keyed: bool = False, receives: int = 1) -> None:
        self.count = count
        self._keyed = keyed
        self._receives = receives

    def prepare(self, number: int) -> dict[str, Any]:
        """Return the event of the batch with that number, after its earlier deliveries."""
        from bench import environment  # noqa: PLC0415 - not part of the measured import

        body = environment.body(self.count)
        deliveries = [
            environment.event(number * self.size, self.size, receives, body=body, keyed=self._keyed)
            for receives in range(1, self._receives + 1)
        ]
        for earlier in deliveries[:-1]:
            self.work(earlier)
        return deliveries[-1]

    def work(self, event: dict[str, Any]) -> None:
        """Handle an event.

        Raises:
            RuntimeError: if a message returned to the queue.
        """
        response = handler.handler(event, _Context())
        if response["batchItemFailures"]:
            raise RuntimeError(f"returned to the queue: {response}")


def subject() -> Ours:
    """Return the subject."""
    return Ours()
