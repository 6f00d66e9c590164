"""The AWS Labs sample, reimplemented: one message per invocation, one new client per call.

The sample makes two clients per message, one of them before it knows whether it needs it. Here it
is one, which favours the sample. The whole event is logged, as in the sample.
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
    """Handles one message per invocation."""

    size = 1

    def prepare(self, number: int) -> dict[str, Any]:
        """Return the event of the message with that number."""
        from bench import environment  # noqa: PLC0415 - not part of the measured import

        return environment.event(number, self.size)

    def work(self, event: dict[str, Any]) -> None:
        """Handle an event."""
        print(json.dumps(event))  # noqa: T201 - as the sample does
        record = event["Records"][0]
        parameters = json.loads(record["body"].replace("'", '"'))["ECS"]
        _log.info("parameters: %s", parameters)
        response = boto3.client("ecs").run_task(**parameters)
        _log.info(response)
        if response["failures"]:
            raise RuntimeError(response["failures"])


def subject() -> Ancestor:
    """Return the subject."""
    return Ancestor()
