"""What follows ten launches: their reports, and the events of their tasks, in batches of ten."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.parse
from typing import Any, Final

from bench.subjects.ours import Ours

_STARTED: Final = "2027-01-15T08:00:30.000Z"
_STOPPED: Final = "2027-01-15T08:01:30.000Z"
_TASK: Final = {
    "event": "task",
    "clusterArn": "arn:aws:ecs:eu-central-1:111111111111:cluster/batch",
    "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:7",
    "createdAt": "2027-01-15T08:00:00.000Z",
    "cpu": "256",
    "memory": "512",
}


class Outcomes(Ours):
    """Works off the events of a batch that was launched before, unmeasured."""

    def prepare(self, number: int) -> dict[str, Any]:
        """Launch a batch, and return the batches of the events queue that follow."""
        super().work(super().prepare(number))
        reports = _messages()
        keys = [(json.loads(body)["key"], json.loads(body)["tasks"][0]) for body in reports]
        running = [json.dumps(_event(key, arn, 2, "RUNNING")) for key, arn in keys]
        stopped = [json.dumps(_event(key, arn, 4, "STOPPED")) for key, arn in keys]
        return {"batches": [_batch(bodies) for bodies in (reports, running, stopped)]}

    def work(self, event: dict[str, Any]) -> None:
        """Handle the batches.

        Raises:
            RuntimeError: if a message returned to the queue.
        """
        for batch in event["batches"]:
            super().work(batch)


def _event(key: str, arn: str, version: int, status: str) -> dict[str, Any]:
    container = {"name": "report", "lastStatus": status, "runtimeId": "0-1"}
    ended = {
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "stoppedAt": _STOPPED,
        "containers": [{**container, "exitCode": 0}],
    }
    return {
        **_TASK,
        "taskArn": arn,
        "startedBy": f"ecs-run-task/bench/{key}",
        "lastStatus": status,
        "desiredStatus": status,
        "version": version,
        "startedAt": _STARTED,
        "containers": [container],
        **(ended if status == "STOPPED" else {}),
    }


def _batch(bodies: list[str]) -> dict[str, Any]:
    name = os.environ["EVENTS_QUEUE_URL"].rpartition("/")[2]
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-4000-8000-{number:012}",
                "receiptHandle": str(number),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1800000000000",
                    "ApproximateFirstReceiveTimestamp": "1800000000000",
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-central-1:111111111111:{name}",
            }
            for number, body in enumerate(bodies)
        ]
    }


def _messages() -> list[str]:
    """Return the bodies of the messages that were sent since the last call."""
    stub = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL_SQS"])
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    connection = http.client.HTTPSConnection(stub.netloc, context=context)
    connection.request("GET", "/messages")
    messages: list[str] = json.loads(connection.getresponse().read())
    connection.close()
    return messages


def subject() -> Outcomes:
    """Return the subject."""
    return Outcomes()
