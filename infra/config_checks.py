"""Checks of options that are valid alone but not together."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from function.limits import (
    MAX_BACKOFF_SECONDS,
    MAX_TASKS,
    MAX_VISIBILITY_TIMEOUT_SECONDS,
    RUN_TASK_RATE,
    THREADS,
    VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT,
)
from infra import limits
from infra.environment import environment_bytes
from infra.names import PROJECT
from infra.outcome_options import check_outcomes
from infra.sender_choice import choice_of, option_name

# How many of the lists an error names.
_LONGEST_SHOWN: Final = 3

if TYPE_CHECKING:
    from infra.config import FunctionConfig
    from infra.config_reader import Reader


def check_combinations(reader: Reader, config: FunctionConfig) -> None:
    """Report every combination of options that AWS or the handler cannot work with."""
    _check_artifact(reader, config)
    _check_batches(reader, config)
    _check_visibility(reader, config)
    _check_rates(reader, config)
    _check_environment_size(reader, config)
    _check_volumes(reader, config)
    _check_tasks_per_day(reader, config)
    _check_environment_max_age(reader, config)
    _check_key_retention(reader, config)
    check_outcomes(reader, config)


def _check_artifact(reader: Reader, config: FunctionConfig) -> None:
    if config.builds_artifact and config.artifact_version:
        reader.problem(
            f"{PROJECT}:artifactVersion",
            f"found {config.artifact_version!r} with artifact: {config.artifact}",
            f"expected none; run: pulumi config rm '{PROJECT}:artifactVersion' -s {reader.stack}",
        )


def _check_batches(reader: Reader, config: FunctionConfig) -> None:
    small = config.batch_size <= limits.MAX_BATCH_SIZE_WITHOUT_WINDOW
    if config.fifo and not small:
        reader.problem(
            f"{PROJECT}:batchSize",
            f"found {config.batch_size} with fifo: true",
            f"expected at most {limits.MAX_BATCH_SIZE_WITHOUT_WINDOW} for a FIFO queue",
        )
    if config.fifo and config.batching_window_seconds:
        reader.problem(
            f"{PROJECT}:batchingWindowSeconds",
            f"found {config.batching_window_seconds} with fifo: true",
            "expected 0, because a FIFO queue has no batching window",
        )
    if not small and not config.batching_window_seconds:
        reader.problem(
            f"{PROJECT}:batchSize",
            f"found {config.batch_size} with no batching window",
            f"more than {limits.MAX_BATCH_SIZE_WITHOUT_WINDOW} messages need "
            f"{PROJECT}:batchingWindowSeconds of 1 or more",
        )


def _check_visibility(reader: Reader, config: FunctionConfig) -> None:
    """Check that after a crash a message is back while its client token can be relied on."""
    visibility = config.visibility_timeout_seconds
    if visibility > MAX_VISIBILITY_TIMEOUT_SECONDS:
        longest = (
            MAX_VISIBILITY_TIMEOUT_SECONDS - config.batching_window_seconds
        ) // VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT
        reader.problem(
            f"{PROJECT}:timeoutSeconds",
            f"found {config.timeout_seconds} with a batchingWindowSeconds of "
            f"{config.batching_window_seconds}",
            f"the queue would hide a message for {VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT} x "
            f"{config.timeout_seconds} + {config.batching_window_seconds} = {visibility} seconds, "
            f"and after a crash it has to be back within {MAX_VISIBILITY_TIMEOUT_SECONDS}; set "
            f"{PROJECT}:timeoutSeconds to {longest} or less",
        )


def _check_rates(reader: Reader, config: FunctionConfig) -> None:
    fargate = config.default_fargate_launch_rate
    for option, given, default in (
        ("runTaskRate", config.run_task_rate, RUN_TASK_RATE),
        ("fargateLaunchRate", config.fargate_launch_rate, fargate),
        ("fargateSpotLaunchRate", config.fargate_spot_launch_rate, fargate),
    ):
        _check_reachable(reader, config, option, given)
        _check_share(reader, config, option, given or default)


def _check_reachable(reader: Reader, config: FunctionConfig, option: str, rate: int) -> None:
    """Check that the threads of all instances can make that many calls."""
    latency_seconds = config.run_task_latency_milliseconds / 1000
    reachable = THREADS * config.maximum_concurrency / latency_seconds
    if rate > reachable:
        needed = math.ceil(rate * latency_seconds / THREADS)
        reader.problem(
            f"{PROJECT}:{option}",
            f"found {rate} with a maximumConcurrency of {config.maximum_concurrency}",
            f"that many instances reach {reachable:.0f} calls per second, with "
            f"{THREADS} threads each and {latency_seconds:g} s per call "
            f"({PROJECT}:runTaskLatencyMilliseconds); set {PROJECT}:maximumConcurrency to {needed} "
            "or a lower rate",
        )


def _check_share(reader: Reader, config: FunctionConfig, option: str, rate: int) -> None:
    """Check that an instance's share of a rate launches a message before its backoff ends.

    Args:
        reader: Collects the problem.
        config: The stage's configuration.
        option: The rate's name.
        rate: The rate, as configured or as AWS grants it in the region.
    """
    seconds = MAX_TASKS * config.maximum_concurrency / rate
    if seconds > MAX_BACKOFF_SECONDS:
        most = MAX_BACKOFF_SECONDS * rate // MAX_TASKS
        reader.problem(
            f"{PROJECT}:maximumConcurrency",
            f"found {config.maximum_concurrency} with a {option} of {rate} per second",
            f"that many instances share the rate, and one would need {seconds:.0f} seconds to "
            f"launch the {MAX_TASKS} tasks of one message, which may take "
            f"{MAX_BACKOFF_SECONDS} at most; set {PROJECT}:maximumConcurrency to {most} or less, "
            "or a higher rate",
        )


def _check_environment_size(reader: Reader, config: FunctionConfig) -> None:
    """Check that the function's environment holds the lists of names."""
    size = environment_bytes(config)
    if size > limits.MAX_ENVIRONMENT_BYTES:
        lists = {
            option: len(json.dumps(json.dumps(values)))
            for option, values in (
                ("clusters", config.cluster_arns),
                ("taskDefinitions", config.task_definition_arns),
                *((option_name(name), value) for name, value in choice_of(config).items()),
            )
            if isinstance(values, tuple)
        } | {
            option: len(json.dumps(text))
            for option, text in (
                ("limits", config.limits),
                ("startAttempts", config.start_attempts),
                ("templates", config.templates),
            )
        }
        longest = sorted(lists, key=lambda option: -lists[option])[:_LONGEST_SHOWN]
        reader.problem(
            ", ".join(f"{PROJECT}:{option}" for option in longest),
            f"found {size} bytes of environment variables, of which these options take "
            + ", ".join(str(lists[option]) for option in longest),
            f"expected at most {limits.MAX_ENVIRONMENT_BYTES}, which is what Lambda takes; use "
            "fewer names, or patterns such as report-*",
        )


def _check_tasks_per_day(reader: Reader, config: FunctionConfig) -> None:
    """Check that a day has room for the largest message."""
    if 0 < config.max_tasks_per_day < config.max_count:
        reader.problem(
            f"{PROJECT}:maxTasksPerDay",
            f"found {config.max_tasks_per_day} with a maxCount of {config.max_count}",
            f"a message of so many tasks would never be launched; expected {config.max_count} or "
            "more, 0 for no limit, or a lower maxCount",
        )


def _check_volumes(reader: Reader, config: FunctionConfig) -> None:
    if config.ebs_volumes and not config.volume_roles:
        reader.problem(
            f"{PROJECT}:volumeRoles",
            "is missing with ebsVolumes: true",
            "expected the role with which ECS manages the volumes; "
            + reader.set_command(
                f"{PROJECT}:volumeRoles[0]",
                config.location.iam_arn("role/ecsInfrastructureRole"),
            ),
        )


def _check_environment_max_age(reader: Reader, config: FunctionConfig) -> None:
    retention_minutes = config.queue_retention_days * limits.DAY_MINUTES
    if config.environment_max_age_minutes >= retention_minutes:
        reader.problem(
            f"{PROJECT}:environmentMaxAgeMinutes",
            f"found {config.environment_max_age_minutes}",
            f"expected less than the {retention_minutes} minutes that the queue keeps a message "
            f"({PROJECT}:queueRetentionDays)",
        )


def _check_key_retention(reader: Reader, config: FunctionConfig) -> None:
    """Check that a key is remembered for as long as a queue can keep its message."""
    days = config.queue_retention_days + config.dead_letter_retention_days
    if config.key_retention_days < days:
        reader.problem(
            f"{PROJECT}:keyRetentionDays",
            f"found {config.key_retention_days}",
            f"expected at least {days}: a message can wait for {config.queue_retention_days} days "
            f"in the work queue ({PROJECT}:queueRetentionDays) and then for "
            f"{config.dead_letter_retention_days} in the dead-letter queue "
            f"({PROJECT}:deadLetterRetentionDays), and be sent once more",
        )
