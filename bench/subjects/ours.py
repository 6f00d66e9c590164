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
    """Works one event an invocation."""

    size = 10

    def prepare(self, number: int) -> dict[str, Any]:
        """Return the event of the batch with that number."""
        from bench import environment  # noqa: PLC0415 - no part of the import that is measured

        return environment.event(number * self.size, self.size)

    def work(self, event: dict[str, Any]) -> None:
        """Handle an event.

        Raises:
            RuntimeError: a message was kept.
        """
        answer = handler.handler(event, _Context())
        if answer["batchItemFailures"]:
            raise RuntimeError(f"kept: {answer}")


def subject() -> Ours:
    """Return the subject."""
    return Ours()
