"""The ancestor's policy, written anew: one message an invocation, one new client a call.

The ancestor makes two clients a message, one of them before it knows whether it needs it; here
it is one, to its credit. The whole event goes to the log, as it does there.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import boto3

logging.basicConfig()
_log = logging.getLogger()
logging.getLogger("botocore").setLevel(logging.ERROR)
_log.setLevel(logging.INFO)


class Ancestor:
    """Works one event an invocation."""

    size = 1

    def prepare(self, number: int) -> dict[str, Any]:
        """Return the event of the message with that number."""
        from bench import environment  # noqa: PLC0415 - as for ours

        return environment.event(number, self.size)

    def work(self, event: dict[str, Any]) -> None:
        """Handle an event."""
        print(json.dumps(event))  # noqa: T201 - as the ancestor does
        record = event["Records"][0]
        parameters = json.loads(record["body"].replace("'", '"'))["ECS"]
        _log.info("parameters: %s", parameters)
        answer = boto3.client("ecs").run_task(**parameters)
        _log.info(answer)
        if answer["failures"]:
            raise RuntimeError(answer["failures"])


def subject() -> Ancestor:
    """Return the subject."""
    return Ancestor()
