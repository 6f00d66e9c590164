"""The function's environment variables, as one typed model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from function import limits
from function.outcomes.states import FINAL
from function.sender_choice import SenderChoice

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAGE: Final = re.compile(limits.STAGE_PATTERN)
_TOPIC_ARN: Final = re.compile(r"arn:([a-z-]+):sns:([a-z0-9-]+):([0-9]{12}):[A-Za-z0-9_.-]+")
_BOOLEANS: Final = {"true": True, "false": False}


class SettingsError(ValueError):
    """An environment variable is missing or invalid; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings(SenderChoice):
    """The function's environment variables, as the infrastructure sets them.

    Attributes:
        stage: The stage's name, part of `startedBy`.
        queue_url: The work queue.
        dead_letter_queue_url: The queue for rejected messages.
        failure_topic_arn: The topic for notifications of failures.
        ledger_table: The name of the table that remembers what was started for a key.
        key_retention_seconds: How long it remembers that.
        clusters: ARN patterns of the clusters that a message may name, with IAM's `*` and `?`.
        task_definitions: The same for task definitions.
        queue_retention_seconds: How long the work queue retains a message.
        visibility_timeout_seconds: How long the work queue hides a message that was received.
        environment_max_age_seconds: How long a message with an environment failure is retried.
        run_task_rate: RunTask calls that the stage may make per second.
        run_task_burst: RunTask calls that it may make at once.
        fargate_launch_rate: Tasks that it may launch on Fargate per second.
        fargate_launch_burst: Tasks that it may launch on Fargate at once.
        fargate_spot_launch_rate: The same on Fargate Spot.
        fargate_spot_launch_burst: The same on Fargate Spot.
        maximum_concurrency: How many execution environments share these rates.
        python_literals: Whether the text of a Python dict is read as a body.
        log_level: One of LOG_LEVELS.
        partition: The AWS partition, such as `aws`.
        region: The AWS region.
        account: The account's 12 digits.
        events_queue_url: The queue for what happens after a launch; None for a stage that does not
            follow its tasks.
        results_queue_url: The queue for one message per finished key; None for none.
        results_bus: The name of the event bus for the same; None for none.
        payload_bucket: The bucket for payloads; None if a message cannot have one.
        limits: The blocks `limits` of the stage, by pattern of a task definition's family.
        templates: JMESPath expressions that make a request of an event, by kind of event.
        start_attempts: How often a task is started, by the cause for which it never ran, where that
            differs from `limits.START_ATTEMPTS`.
        announce: The final states of a key that are announced on the failure topic.
    """

    stage: str
    queue_url: str
    dead_letter_queue_url: str
    failure_topic_arn: str
    ledger_table: str
    key_retention_seconds: int
    clusters: tuple[str, ...]
    task_definitions: tuple[str, ...]
    queue_retention_seconds: int
    visibility_timeout_seconds: int
    environment_max_age_seconds: int
    run_task_rate: float
    run_task_burst: float
    fargate_launch_rate: float
    fargate_launch_burst: float
    fargate_spot_launch_rate: float
    fargate_spot_launch_burst: float
    maximum_concurrency: int
    python_literals: bool
    log_level: str
    partition: str
    region: str
    account: str
    events_queue_url: str | None = None
    results_queue_url: str | None = None
    results_bus: str | None = None
    payload_bucket: str | None = None
    # Settings are hashed, and mappings have no hash.
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    templates: Mapping[str, str] = field(default_factory=dict, hash=False)
    start_attempts: Mapping[str, int] = field(default_factory=dict, hash=False)
    announce: tuple[str, ...] = ()

    @property
    def fifo(self) -> bool:
        """Whether the work queue is a FIFO queue, which keeps the order of message groups."""
        return self.queue_url.endswith(".fifo")

    @property
    def timeout_seconds(self) -> float:
        """The longest that an invocation takes."""
        return self.visibility_timeout_seconds / limits.VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT

    @property
    def expiry_age_seconds(self) -> float:
        """The age at which a message that still fails is rejected, before SQS deletes it.

        If the queue retains messages for less than twice the margin, half of the retention is
        left for retries.
        """
        retention = self.queue_retention_seconds
        margin = (
            self.max_backoff_seconds
            + self.visibility_timeout_seconds
            + self.timeout_seconds
            + limits.EXPIRY_RESERVE_SECONDS
        )
        return retention - min(margin, retention / 2)

    @property
    def max_backoff_seconds(self) -> float:
        """The longest that a returned message stays invisible.

        With full jitter a message waits for half of that on average. If the queue retains
        messages for many days they wait longer, or they would be received too often.
        """
        return max(
            limits.MAX_BACKOFF_SECONDS,
            2 * self.queue_retention_seconds / limits.MAX_AVERAGE_RECEIVES,
        )

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
                f"STAGE: expected 1 to {limits.MAX_STAGE_LENGTH} lower-case letters, digits and"
                f" inner hyphens, got {stage!r}"
            )
        level = _text(environment, "LOG_LEVEL")
        if level not in limits.LOG_LEVELS:
            raise SettingsError(
                f"LOG_LEVEL: expected one of {', '.join(limits.LOG_LEVELS)}, got {level!r}"
            )
        rate, burst = default_fargate_launch(arn[2])
        return cls(
            stage=stage,
            queue_url=_text(environment, "QUEUE_URL"),
            dead_letter_queue_url=_text(environment, "DEAD_LETTER_QUEUE_URL"),
            failure_topic_arn=topic,
            ledger_table=_text(environment, "LEDGER_TABLE"),
            key_retention_seconds=_integer(environment, "KEY_RETENTION_SECONDS"),
            clusters=_texts(environment, "CLUSTERS"),
            task_definitions=_texts(environment, "TASK_DEFINITIONS"),
            task_definition_revisions=_revisions(environment),
            task_roles=_texts(environment, "TASK_ROLES"),
            execution_roles=_texts(environment, "EXECUTION_ROLES"),
            volume_roles=_texts(environment, "VOLUME_ROLES"),
            subnets=_texts(environment, "SUBNETS"),
            security_groups=_texts(environment, "SECURITY_GROUPS"),
            public_ip=_boolean(environment, "PUBLIC_IP"),
            execute_command=_boolean(environment, "EXECUTE_COMMAND"),
            ebs_volumes=_boolean(environment, "EBS_VOLUMES"),
            ebs_snapshots=_texts(environment, "EBS_SNAPSHOTS"),
            max_ebs_volume_gibibytes=_integer(environment, "MAX_EBS_VOLUME_GIBIBYTES"),
            launch_types=_texts(environment, "LAUNCH_TYPES"),
            capacity_providers=_texts(environment, "CAPACITY_PROVIDERS"),
            max_task_cpu_units=_integer(environment, "MAX_TASK_CPU_UNITS"),
            max_task_memory_mebibytes=_integer(environment, "MAX_TASK_MEMORY_MEBIBYTES"),
            max_ephemeral_storage_gibibytes=_integer(
                environment, "MAX_EPHEMERAL_STORAGE_GIBIBYTES"
            ),
            max_count=_integer(environment, "MAX_COUNT"),
            max_tasks_per_day=int(_rate(environment, "MAX_TASKS_PER_DAY", 0)),
            tag_keys=_texts(environment, "TAG_KEYS"),
            environment_files=_texts(environment, "ENVIRONMENT_FILES"),
            queue_retention_seconds=_integer(environment, "QUEUE_RETENTION_SECONDS"),
            visibility_timeout_seconds=_integer(environment, "VISIBILITY_TIMEOUT_SECONDS"),
            environment_max_age_seconds=_integer(environment, "ENVIRONMENT_MAX_AGE_SECONDS"),
            run_task_rate=_rate(environment, "RUN_TASK_RATE", limits.RUN_TASK_RATE),
            run_task_burst=_rate(environment, "RUN_TASK_BURST", limits.RUN_TASK_BURST),
            fargate_launch_rate=_rate(environment, "FARGATE_LAUNCH_RATE", rate),
            fargate_launch_burst=_rate(environment, "FARGATE_LAUNCH_BURST", burst),
            fargate_spot_launch_rate=_rate(environment, "FARGATE_SPOT_LAUNCH_RATE", rate),
            fargate_spot_launch_burst=_rate(environment, "FARGATE_SPOT_LAUNCH_BURST", burst),
            maximum_concurrency=_integer(environment, "MAXIMUM_CONCURRENCY"),
            python_literals=_boolean(environment, "PYTHON_LITERALS"),
            log_level=level,
            partition=arn[1],
            region=arn[2],
            account=arn[3],
            events_queue_url=environment.get("EVENTS_QUEUE_URL") or None,
            results_queue_url=environment.get("RESULTS_QUEUE_URL") or None,
            results_bus=environment.get("RESULTS_BUS") or None,
            payload_bucket=environment.get("PAYLOAD_BUCKET") or None,
            limits=_objects(environment, "LIMITS"),
            templates=_templates(environment),
            start_attempts=_start_attempts(environment),
            announce=_announce(environment),
        )


def default_fargate_launch(region: str) -> tuple[int, int]:
    """Return how many tasks an account may launch on Fargate, per second and at once."""
    if region in limits.LARGE_REGIONS:
        return limits.FARGATE_LAUNCH_RATE, limits.FARGATE_LAUNCH_BURST
    return limits.SMALL_REGION_FARGATE_LAUNCH_RATE, limits.SMALL_REGION_FARGATE_LAUNCH_BURST


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name) or limits.SENDER_DEFAULTS.get(name)
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
        raise SettingsError(f"{name}: expected a whole number, got {_text(environment, name)!r}")
    return int(number)


def _rate(environment: Mapping[str, str], name: str, default: float) -> float:
    """Return a part of a quota; AWS's default if it is missing or 0."""
    return default if environment.get(name, "0") in {"", "0"} else _number(environment, name)


def _revisions(environment: Mapping[str, str]) -> str:
    name = "TASK_DEFINITION_REVISIONS"
    text = _text(environment, name)
    if text not in limits.TASK_DEFINITION_REVISIONS:
        raise SettingsError(
            f"{name}: expected one of {', '.join(limits.TASK_DEFINITION_REVISIONS)}, got {text!r}"
        )
    return text


def _boolean(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "false")
    if text not in _BOOLEANS:
        raise SettingsError(f"{name}: expected true or false, got {text!r}")
    return _BOOLEANS[text]


def _object(environment: Mapping[str, str], name: str, expected: str) -> dict[str, Any]:
    """Return a JSON object, an empty one if the variable is missing."""
    text = environment.get(name) or "{}"
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"{name}: expected {expected}, got {text!r}")
    return value


def _objects(environment: Mapping[str, str], name: str) -> dict[str, dict[str, Any]]:
    expected = "a JSON object of objects"
    value = _object(environment, name, expected)
    for key, item in value.items():
        if not isinstance(item, dict):
            raise SettingsError(f"{name}: expected {expected}, got {item!r} at {key!r}")
    return value


def _templates(environment: Mapping[str, str]) -> dict[str, str]:
    name, expected = "TEMPLATES", "a JSON object of texts"
    value = _object(environment, name, expected)
    for key, item in value.items():
        if not isinstance(item, str):
            raise SettingsError(f"{name}: expected {expected}, got {item!r} at {key!r}")
    return value


def _start_attempts(environment: Mapping[str, str]) -> dict[str, int]:
    name, expected = "START_ATTEMPTS", "a JSON object of whole numbers, at least 1"
    value = _object(environment, name, expected)
    for key, item in value.items():
        if not isinstance(item, int) or isinstance(item, bool) or item < 1:
            raise SettingsError(f"{name}: expected {expected}, got {item!r} at {key!r}")
    return value


def _announce(environment: Mapping[str, str]) -> tuple[str, ...]:
    name = "ANNOUNCE"
    states = _texts(environment, name) if environment.get(name) else ()
    unknown = sorted(set(states) - set(FINAL))
    if unknown:
        raise SettingsError(
            f"{name}: expected states among {', '.join(sorted(FINAL))}, got {unknown[0]!r}"
        )
    return states


def _texts(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = _text(environment, name)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{name}: expected a JSON list of texts, got {text!r}")
    return tuple(value)
