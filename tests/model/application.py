"""The one place that knows how the handler is made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from bench import environment
from function.application import Application
from function.settings import Settings
from tests.model.ecs import ACCOUNT, REGION
from tests.model.jobs import CLUSTERS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from tests.model.clock import Clock
    from tests.model.dynamodb import DynamoDbClient
    from tests.model.ecs_client import EcsClient
    from tests.model.sqs import SqsClient


class Log:
    """A logger that keeps what must never be logged: that an exception was unexpected."""

    def __init__(self, unexpected: Callable[[str], None]) -> None:
        self._unexpected = unexpected

    def error(self, text: str, **data: Any) -> None:
        """Take a line."""
        if text == "unexpected exception":
            self._unexpected(f"{data.get('exception')} at {data.get('frames')}")

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Return what takes anything and drops it."""
        return lambda *_args, **_keys: None


class Sns:
    """A topic that nobody reads."""

    def publish(self, **_: Any) -> dict[str, Any]:
        """Drop a notification."""
        return {"MessageId": "notification"}


def queue_url(stage: str, kind: str = "work") -> str:
    """Return the URL of a stage's queue."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{stage}-{kind}"


def table_name(stage: str) -> str:
    """Return the name of a stage's ledger table."""
    return f"{stage}-ledger"


def variables(stage: str, launch_rate: float, concurrency: int) -> dict[str, str]:
    """Return the function's environment variables."""
    return {
        **environment.variables(launch_rate, concurrency),
        # What a sender may choose is not what this model is about.
        **dict.fromkeys(
            ("SUBNETS", "SECURITY_GROUPS", "LAUNCH_TYPES", "CAPACITY_PROVIDERS"), '["*"]'
        ),
        "STAGE": stage,
        "QUEUE_URL": queue_url(stage),
        "DEAD_LETTER_QUEUE_URL": queue_url(stage, "dlq"),
        "LEDGER_TABLE": table_name(stage),
        "PYTHON_LITERALS": "true",
        "CLUSTERS": json.dumps([f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{c}" for c in CLUSTERS]),
    }


def make_application(  # noqa: PLR0913 - every client of the handler
    stage: str,
    *,
    ecs: EcsClient,
    sqs: SqsClient,
    dynamodb: DynamoDbClient,
    clock: Clock,
    draw: random.Random,
    launch_rate: float,
    concurrency: int,
    unexpected: Callable[[str], None],
    more: Mapping[str, str] | None = None,
    sns: object = None,
    log: object = None,
) -> Application:
    """Return the handler as an execution environment makes it."""
    return Application(
        Settings.from_environment({**variables(stage, launch_rate, concurrency), **(more or {})}),
        ecs=cast("Any", ecs),
        sqs=cast("Any", sqs),
        sns=cast("Any", sns or Sns()),
        dynamodb=cast("Any", dynamodb),
        s3=cast("Any", None),
        log=cast("Any", log or Log(unexpected)),
        clock=clock,
        draw=draw.random,
    )
