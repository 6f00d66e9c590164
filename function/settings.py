"""The function's environment variables, as one typed model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import (
    EXPIRY_MARGIN_SECONDS,
    LOG_LEVELS,
    MAX_AVERAGE_RECEIVES,
    MAX_BACKOFF_SECONDS,
    MAX_STAGE_LENGTH,
    STAGE_PATTERN,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAGE: Final = re.compile(STAGE_PATTERN)
_TOPIC_ARN: Final = re.compile(r"arn:([a-z-]+):sns:([a-z0-9-]+):([0-9]{12}):[A-Za-z0-9_.-]+")


class SettingsError(ValueError):
    """An environment variable is missing or invalid; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The function's environment variables, as the infrastructure sets them.

    Attributes:
        stage: The stage's name, part of `startedBy`.
        queue_url: The work queue.
        dead_letter_queue_url: The queue for rejected messages.
        failure_topic_arn: The topic for notifications of failures.
        clusters: ARN patterns of the clusters that a message may name, with IAM's `*` and `?`.
        task_definitions: The same for task definitions.
        pass_roles: The same for the roles that an override may name.
        queue_retention_seconds: How long the work queue retains a message.
        environment_max_age_seconds: The age at which a message with an environment failure is no
            longer retried.
        launch_rate: RunTask calls per second that the stage may make.
        maximum_concurrency: How many execution environments share that rate.
        log_level: One of LOG_LEVELS.
        partition: The AWS partition, such as `aws`.
        region: The AWS region.
        account: The account's 12 digits.
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
        """Whether the work queue is a FIFO queue, which keeps the order of message groups."""
        return self.queue_url.endswith(".fifo")

    @property
    def launch_rate_per_instance(self) -> float:
        """The RunTask calls per second of one execution environment."""
        return self.launch_rate / self.maximum_concurrency

    @property
    def expiry_age_seconds(self) -> float:
        """The age at which a message that still fails is rejected, before SQS deletes it.

        If the queue retains messages for less than twice the margin, half of the retention is
        left for retries.
        """
        retention = self.queue_retention_seconds
        margin = self.max_backoff_seconds + EXPIRY_MARGIN_SECONDS
        return retention - min(margin, retention / 2)

    @property
    def max_backoff_seconds(self) -> float:
        """The longest that a returned message stays invisible.

        With full jitter a message waits for half of that on average. If the queue retains
        messages for many days they wait longer, or they would be received too often.
        """
        return max(MAX_BACKOFF_SECONDS, 2 * self.queue_retention_seconds / MAX_AVERAGE_RECEIVES)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Raises:
            SettingsError: if a variable is missing or invalid.
        """
        topic = _text(environment, "FAILURE_TOPIC_ARN")
        arn = _TOPIC_ARN.fullmatch(topic)
        if arn is None:
            raise SettingsError(f"FAILURE_TOPIC_ARN: expected the ARN of a topic, got {topic!r}")
        stage = _text(environment, "STAGE")
        if _STAGE.fullmatch(stage) is None:
            raise SettingsError(
                f"STAGE: expected 1 to {MAX_STAGE_LENGTH} lower-case letters, digits and inner"
                f" hyphens, got {stage!r}"
            )
        level = _text(environment, "LOG_LEVEL")
        if level not in LOG_LEVELS:
            raise SettingsError(
                f"LOG_LEVEL: expected one of {', '.join(LOG_LEVELS)}, got {level!r}"
            )
        return cls(
            stage=stage,
            queue_url=_text(environment, "QUEUE_URL"),
            dead_letter_queue_url=_text(environment, "DEAD_LETTER_QUEUE_URL"),
            failure_topic_arn=topic,
            clusters=_texts(environment, "CLUSTERS"),
            task_definitions=_texts(environment, "TASK_DEFINITIONS"),
            pass_roles=_texts(environment, "PASS_ROLES"),
            queue_retention_seconds=_integer(environment, "QUEUE_RETENTION_SECONDS"),
            environment_max_age_seconds=_integer(environment, "ENVIRONMENT_MAX_AGE_SECONDS"),
            launch_rate=_number(environment, "LAUNCH_RATE"),
            maximum_concurrency=_integer(environment, "MAXIMUM_CONCURRENCY"),
            log_level=level,
            partition=arn[1],
            region=arn[2],
            account=arn[3],
        )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name}: missing in the function's environment variables")
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


def _integer(environment: Mapping[str, str], name: str) -> int:
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
