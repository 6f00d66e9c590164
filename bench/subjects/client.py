"""The minimum for calling ECS from Python: boto3 with one client, and no call."""

from __future__ import annotations

from typing import Any

import boto3


class Client:
    """Imports boto3 and makes a client."""

    size = 1

    def __init__(self) -> None:
        self.ecs = boto3.client("ecs")

    def prepare(self, number: int) -> dict[str, Any]:
        """Return nothing."""
        return {"number": number}

    def work(self, event: dict[str, Any]) -> None:
        """Do nothing."""


def subject() -> Client:
    """Return the subject."""
    return Client()
