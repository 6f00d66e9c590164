"""The function's environment, as one typed model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import (
    EXPIRY_MARGIN_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_STAGE_LENGTH,
    MAX_WAITS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAGE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_STAGE_LENGTH}}}")
_TOPIC: Final = re.compile(r"arn:([a-z-]+):sns:([a-z0-9-]+):([0-9]{12}):[A-Za-z0-9_.-]+")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(ValueError):
    """A variable of the environment is missing or wrong; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the infrastructure tells the function.

    Attributes:
        stage: the deployment's name, part of `startedBy`.
        queue_url: the work queue.
        dead_letter_queue_url: where rejected messages go.
        failure_topic_arn: where failures are announced.
        clusters: ARN patterns of clusters, with the wildcards `*` and `?` of IAM.
        task_definitions: the same for task definitions.
        pass_roles: the same for roles that an override may name.
        queue_retention_seconds: how long the queue keeps a message.
        environment_max_age_seconds: the age at which a failure of the environment is
            no longer waited for.
        launch_rate: RunTask calls per second of the account that the function may use.
        maximum_concurrency: how many execution environments share that rate.
        log_level: a level name of `logging`.
        partition: the AWS partition, such as `aws`.
        region: the AWS region.
        account: the account's 12 digits.
    """

    stage: str
    queue_url: str
    dead_letter_queue_url: str
    failure_topic_arn: str
    clusters: tuple[str, ...]
    task_definitions: tuple[str, ...]
    pass_roles: tuple[str, ...]
    queue_retention_seconds: int
    environment_max_age_seconds: int
    launch_rate: float
    maximum_concurrency: int
    log_level: str
    partition: str
    region: str
    account: str

    @property
    def fifo(self) -> bool:
        """Whether the work queue keeps the order of message groups."""
        return self.queue_url.endswith(".fifo")

    @property
    def launch_rate_per_instance(self) -> float:
        """The RunTask calls per second of one execution environment."""
        return self.launch_rate / self.maximum_concurrency

    @property
    def expiry_age_seconds(self) -> float:
        """The age at which a message that still fails is moved before SQS drops it.

        A queue that keeps messages for less than twice the margin gives half of its time.
        """
        retention = self.queue_retention_seconds
        margin = self.longest_backoff_seconds + EXPIRY_MARGIN_SECONDS
        return retention - min(margin, retention / 2)

    @property
    def longest_backoff_seconds(self) -> float:
        """The longest that a kept message stays out of sight.

        With full jitter it waits for half of that on the average: where the queue keeps messages
        for many days, they wait longer, or they would be received too often.
        """
        return max(MAX_BACKOFF_SECONDS, 2 * self.queue_retention_seconds / MAX_WAITS)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        topic = _text(environment, "FAILURE_TOPIC_ARN")
        arn = _TOPIC.fullmatch(topic)
        if arn is None:
            raise SettingsError(f'FAILURE_TOPIC_ARN: expected the ARN of a topic, got "{topic}"')
        stage = _text(environment, "STAGE")
        if _STAGE.fullmatch(stage) is None:
            raise SettingsError(
                f"STAGE: expected 1 to {MAX_STAGE_LENGTH} letters, digits, - or _, got {stage!r}"
            )
        level = _text(environment, "LOG_LEVEL")
        if level not in _LEVELS:
            raise SettingsError(f"LOG_LEVEL: expected one of {', '.join(_LEVELS)}, got {level!r}")
        return cls(
            stage=stage,
            queue_url=_text(environment, "QUEUE_URL"),
            dead_letter_queue_url=_text(environment, "DEAD_LETTER_QUEUE_URL"),
            failure_topic_arn=topic,
            clusters=_texts(environment, "CLUSTERS"),
            task_definitions=_texts(environment, "TASK_DEFINITIONS"),
            pass_roles=_texts(environment, "PASS_ROLES"),
            queue_retention_seconds=_whole(environment, "QUEUE_RETENTION_SECONDS"),
            environment_max_age_seconds=_whole(environment, "ENVIRONMENT_MAX_AGE_SECONDS"),
            launch_rate=_number(environment, "LAUNCH_RATE"),
            maximum_concurrency=_whole(environment, "MAXIMUM_CONCURRENCY"),
            log_level=level,
            partition=arn[1],
            region=arn[2],
            account=arn[3],
        )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name}: missing in the function's environment")
    return value


def _number(environment: Mapping[str, str], name: str) -> float:
    text = _text(environment, name)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise SettingsError(f"{name}: expected a number above 0, got {text!r}")
    return number


def _whole(environment: Mapping[str, str], name: str) -> int:
    number = _number(environment, name)
    if number != int(number):
        raise SettingsError(f"{name}: expected a whole number, got {environment[name]!r}")
    return int(number)


def _texts(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = _text(environment, name)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{name}: expected a JSON list of ARN patterns, got {text!r}")
    return tuple(value)
