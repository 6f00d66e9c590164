"""Checks of options that are valid alone but not together."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from function.limits import THREADS
from infra import limits
from infra.names import PROJECT

if TYPE_CHECKING:
    from infra.config import FunctionConfig
    from infra.config_reader import Reader


def check_combinations(reader: Reader, config: FunctionConfig) -> None:
    """Report every combination of options that AWS or the handler cannot work with."""
    _check_artifact(reader, config)
    _check_batches(reader, config)
    _check_launch_rate(reader, config)
    _check_allow_list(reader, config)
    _check_environment_max_age(reader, config)


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


def _check_launch_rate(reader: Reader, config: FunctionConfig) -> None:
    latency_seconds = config.run_task_latency_milliseconds / 1000
    reachable = THREADS * config.maximum_concurrency / latency_seconds
    if config.launch_rate > reachable:
        needed = math.ceil(config.launch_rate * latency_seconds / THREADS)
        reader.problem(
            f"{PROJECT}:launchRate",
            f"found {config.launch_rate} with a maximumConcurrency of {config.maximum_concurrency}",
            f"that many instances reach {reachable:.0f} calls per second, with "
            f"{THREADS} threads each and {latency_seconds:g} s per call "
            f"({PROJECT}:runTaskLatencyMilliseconds); set {PROJECT}:maximumConcurrency to {needed} "
            "or a lower rate",
        )


def _check_allow_list(reader: Reader, config: FunctionConfig) -> None:
    allow_list = (config.cluster_arns, config.task_definition_arns, config.pass_roles)
    size = sum(len(json.dumps(arns)) for arns in allow_list)
    if size > limits.MAX_ALLOW_LIST_BYTES:
        reader.problem(
            f"{PROJECT}:clusters, taskDefinitions and passRoles",
            f"found {size} bytes of ARNs",
            f"expected at most {limits.MAX_ALLOW_LIST_BYTES}, which is what fits in the "
            "function's environment; use fewer names, or patterns such as report-*",
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
