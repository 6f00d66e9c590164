"""A stage's configuration: a frozen model, checked completely before any resource is made.

An option of Pulumi.yaml in camel case is an attribute of the same name in snake case.
docs/configuration.md describes them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import (
    FARGATE_LAUNCH_RATE,
    LARGE_REGIONS,
    LOG_LEVELS,
    MAX_STAGE_LENGTH,
    SMALL_REGION_FARGATE_LAUNCH_RATE,
    VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT,
)
from function.sender_choice import SenderChoice
from infra import limits
from infra.config_checks import check_combinations
from infra.config_reader import Getter, Reader, is_principal, is_service
from infra.names import (
    BOOTSTRAP_SUFFIX,
    PROJECT,
    RESERVED_ENDINGS,
    RESERVED_STAGES,
    Location,
    is_stage_name,
)
from infra.outcome_options import outcome_options
from infra.sender_choice import sender_options

if TYPE_CHECKING:
    from collections.abc import Mapping

# The value of the option `artifact` that builds the artifact instead of naming one.
BUILD: Final = "build"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
CLUSTER: Final = re.compile(
    r"[A-Za-z0-9_*?-]{1,255}|arn:aws[a-z-]*:ecs:[^:\s]*:[^:\s]*:cluster/\S+"
)
EXPECTED_CLUSTER: Final = "a name, pattern or ARN of a cluster"
_TASK_DEFINITION: Final = re.compile(
    r"[A-Za-z0-9_*?-]{1,255}(:(\d+|\*))?|arn:aws[a-z-]*:ecs:[^:\s]*:[^:\s]*:task-definition/\S+"
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
_OBJECT_VERSION: Final = re.compile(r"\S{1,1024}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, kw_only=True)
class FunctionConfig(SenderChoice):
    """Configuration of a stage's function stack.

    Attributes:
        stage: The stage's name, which is also the stack's.
        location: The account and region.
    """

    stage: str
    location: Location
    protect: bool
    bootstrap: str
    artifact: str
    artifact_version: str
    clusters: tuple[str, ...]
    task_definitions: tuple[str, ...]
    senders: tuple[str, ...]
    notify_emails: tuple[str, ...]
    fifo: bool
    python_literals: bool
    key_retention_days: int
    run_task_rate: int
    run_task_burst: int
    fargate_launch_rate: int
    fargate_launch_burst: int
    fargate_spot_launch_rate: int
    fargate_spot_launch_burst: int
    run_task_latency_milliseconds: int
    maximum_concurrency: int
    batch_size: int
    batching_window_seconds: int
    timeout_seconds: int
    memory_megabytes: int
    queue_retention_days: int
    dead_letter_retention_days: int
    environment_max_age_minutes: int
    log_level: str
    log_retention_days: int
    outcomes: bool
    limits: str
    start_attempts: str
    announce: tuple[str, ...]
    results: str
    result_readers: tuple[str, ...]
    payloads: bool
    payload_retention_days: int
    templates: str
    dashboard: bool
    max_vcpu_hours_per_day: int

    @property
    def builds_artifact(self) -> bool:
        """Whether a deployment builds the artifact."""
        return self.artifact == BUILD

    @property
    def visibility_timeout_seconds(self) -> int:
        """How long the queue hides a message that was received."""
        timeouts = VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT * self.timeout_seconds
        return timeouts + self.batching_window_seconds

    @property
    def default_fargate_launch_rate(self) -> int:
        """Tasks per second that AWS lets every account of the region launch on Fargate."""
        large = self.location.region in LARGE_REGIONS
        return FARGATE_LAUNCH_RATE if large else SMALL_REGION_FARGATE_LAUNCH_RATE

    @property
    def roles(self) -> Mapping[str, tuple[str, ...]]:
        """The roles that the function may pass to ECS, by their options."""
        return {
            "taskRoles": self.task_roles,
            "executionRoles": self.execution_roles,
            "volumeRoles": self.volume_roles,
        }

    @property
    def cluster_arns(self) -> tuple[str, ...]:
        """The clusters that messages may name, as ARN patterns."""
        return tuple(self.location.cluster_arn(cluster) for cluster in self.clusters)

    @property
    def task_definition_arns(self) -> tuple[str, ...]:
        """The task definitions that messages may name, as ARN patterns."""
        return tuple(self.location.task_definition_arn(name) for name in self.task_definitions)


def read_function_config(stack: str, get: Getter) -> FunctionConfig:
    """Read a function stack's configuration.

    Args:
        stack: The stack's name, which is the stage.
        get: Returns a value as the engine hands it over: `namespace:key` to text, lists as JSON.

    Raises:
        ConfigError: if anything is wrong; the text names every key, what was found and the fix.
    """
    reader = Reader(stack, get)
    if stack in RESERVED_STAGES:
        reader.problem(
            "the stage's name",
            f"found {stack!r}",
            "expected another name, because the bootstrap stack uses this one for its resources",
        )
    elif stack.endswith(RESERVED_ENDINGS):
        reader.problem(
            "the stage's name",
            f"found {stack!r}",
            f"expected another ending than {' or '.join(RESERVED_ENDINGS)}, because a queue of "
            "another stage can have this name",
        )
    elif not is_stage_name(stack):
        reader.problem(
            "the stage's name",
            f"found {stack!r}",
            f"expected up to {MAX_STAGE_LENGTH} lower-case letters, digits and inner "
            "hyphens, beginning with a letter",
        )
    config = function_options(reader)
    check_combinations(reader, config)
    reader.done()
    return config


def function_options(reader: Reader) -> FunctionConfig:
    """Read every option of a function stack; the reader collects the problems."""
    return FunctionConfig(
        **vars(sender_options(reader)),
        stage=reader.stack,
        location=reader.location(),
        protect=reader.boolean("protect"),
        bootstrap=reader.text(
            "bootstrap",
            lambda text: text.endswith(BOOTSTRAP_SUFFIX),
            f"a name that ends in {BOOTSTRAP_SUFFIX}",
        )
        or f"{reader.stack}{BOOTSTRAP_SUFFIX}",
        artifact=reader.text(
            "artifact",
            lambda text: text == BUILD or _DIGEST.fullmatch(text),
            f"{BUILD}, or a SHA-256 of 64 hexadecimal digits",
            fix=f"promote one (runtask promote dev {reader.stack}), or to build it here "
            + reader.set_command(f"{PROJECT}:artifact", BUILD),
        ),
        artifact_version=reader.text(
            "artifactVersion", _OBJECT_VERSION.fullmatch, "a version id of S3"
        ),
        clusters=reader.strings("clusters", CLUSTER.fullmatch, EXPECTED_CLUSTER, example="batch"),
        task_definitions=reader.strings(
            "taskDefinitions",
            _TASK_DEFINITION.fullmatch,
            "a family, family:revision, pattern or ARN",
            example="report",
        ),
        senders=reader.strings(
            "senders",
            lambda text: is_principal(text) or is_service(text),
            "an account id, the ARN of a role or user, or a service such as events.amazonaws.com",
        ),
        notify_emails=reader.strings("notifyEmails", _EMAIL.fullmatch, "an email address"),
        fifo=reader.boolean("fifo"),
        python_literals=reader.boolean("pythonLiterals"),
        key_retention_days=reader.integer("keyRetentionDays", limits.KEY_RETENTION_DAYS, "days"),
        run_task_rate=reader.integer("runTaskRate", limits.LAUNCH_RATE, "calls per second"),
        run_task_burst=reader.integer("runTaskBurst", limits.LAUNCH_BURST, "calls"),
        fargate_launch_rate=reader.integer(
            "fargateLaunchRate", limits.LAUNCH_RATE, "tasks per second"
        ),
        fargate_launch_burst=reader.integer("fargateLaunchBurst", limits.LAUNCH_BURST, "tasks"),
        fargate_spot_launch_rate=reader.integer(
            "fargateSpotLaunchRate", limits.LAUNCH_RATE, "tasks per second"
        ),
        fargate_spot_launch_burst=reader.integer(
            "fargateSpotLaunchBurst", limits.LAUNCH_BURST, "tasks"
        ),
        run_task_latency_milliseconds=reader.integer(
            "runTaskLatencyMilliseconds", limits.RUN_TASK_LATENCY_MILLISECONDS, "milliseconds"
        ),
        maximum_concurrency=reader.integer(
            "maximumConcurrency", limits.MAXIMUM_CONCURRENCY, "instances"
        ),
        batch_size=reader.integer("batchSize", limits.BATCH_SIZE, "messages"),
        batching_window_seconds=reader.integer(
            "batchingWindowSeconds", limits.BATCHING_WINDOW_SECONDS, "seconds"
        ),
        timeout_seconds=reader.integer("timeoutSeconds", limits.TIMEOUT_SECONDS, "seconds"),
        memory_megabytes=reader.integer("memoryMegabytes", limits.MEMORY_MEGABYTES, "megabytes"),
        queue_retention_days=reader.integer(
            "queueRetentionDays", limits.QUEUE_RETENTION_DAYS, "days"
        ),
        dead_letter_retention_days=reader.integer(
            "deadLetterRetentionDays", limits.QUEUE_RETENTION_DAYS, "days"
        ),
        environment_max_age_minutes=reader.integer(
            "environmentMaxAgeMinutes", limits.ENVIRONMENT_MAX_AGE_MINUTES, "minutes"
        ),
        log_level=reader.text(
            "logLevel",
            LOG_LEVELS.__contains__,
            f"one of {', '.join(LOG_LEVELS)}",
            fix=reader.set_command(f"{PROJECT}:logLevel", "INFO"),
        ),
        log_retention_days=reader.integer("logRetentionDays", limits.LOG_RETENTION_DAYS, "days"),
        **outcome_options(reader),
    )
