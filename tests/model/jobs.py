"""What senders send: jobs that are valid, and messages that must never start a task."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

SERVICE: Final = "report"
CLUSTERS: Final = ("batch", "other")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A valid request that can be told from others by its number.

    Attributes:
        number: goes along as the environment variable JOB.
        count: of tasks.
        by_service: whether the network comes from a service.
        cpu: of the task, in the units of ECS.
        cluster: its name.
        wrapped: whether the body has the wrapper `ECS`; it is the same request without.
    """

    number: int
    count: int = 1
    by_service: bool = False
    cpu: int = 256
    cluster: str = CLUSTERS[0]
    wrapped: bool = True

    @property
    def request(self) -> tuple[object, ...]:
        """What makes two jobs the same request."""
        return (self.number, self.count, self.by_service, self.cpu, self.cluster)

    @property
    def body(self) -> str:
        """The message's text."""
        content = self.content()
        return json.dumps({"ECS": content} if self.wrapped else content)

    def content(self) -> dict[str, Any]:
        """Return what stands in the body."""
        network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
        return {
            "cluster": self.cluster,
            "taskDefinition": "report:7",
            "launchType": "FARGATE",
            "count": self.count,
            **({"service": SERVICE} if self.by_service else {"networkConfiguration": network}),
            "overrides": {
                "cpu": str(self.cpu),
                "containerOverrides": [
                    {"name": "main", "environment": [{"name": "JOB", "value": str(self.number)}]}
                ],
            },
        }


def started_by(stage: str, key: str) -> str:
    """Return what the tasks of a message carry."""
    return f"ecs-run-task/{stage}/{key}"


def is_valid(body: str, key: str) -> bool:
    """Return whether a body is a job's, and a key a valid one; the model knows no other."""
    known = re.fullmatch(r"[A-Za-z0-9_-]{1,48}", key) is not None
    return known and body not in INVALID_BODIES.values()


def _changed(**changes: Any) -> str:
    # A number that no valid job has: a task with it is the proof of a launch that was refused.
    content = {**Job(number=INVALID_JOB).content(), **changes}
    return json.dumps(
        {"ECS": {name: value for name, value in content.items() if value is not None}}
    )


INVALID_JOB: Final = -7

INVALID_BODIES: Final[dict[str, str]] = {
    "not JSON": "run the report, please",
    "a list": "[]",
    "no task definition": _changed(taskDefinition=None),
    "count 0": _changed(count=0),
    "count 11": _changed(count=11),
    "count true": _changed(count=True),
    "count of thousands of digits": _changed().replace('"count": 1', '"count": ' + "1" * 5000),
    "another cluster": _changed(cluster="secret"),
    "another task definition": _changed(taskDefinition="admin:1"),
    "unknown parameter": _changed(colour="blue"),
    "a token of its own": _changed(clientToken="mine"),
    "cpu as a number": _changed(overrides={"cpu": 256}),
    # A Python literal may hold an integer that Python refuses to print.
    "a literal with an integer of thousands of digits": (
        "{'ECS': {'taskDefinition': 'report:7', 'overrides': {'containerOverrides':"
        " [{'name': 'main', 'command': [0x" + "f" * 5000 + "]}]}}}"
    ),
}

INVALID_KEYS: Final = ("no spaces", "", "k" * 49, "emoji-\u2603")
