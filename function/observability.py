"""Logs and metrics; the only module that uses Powertools.

https://docs.aws.amazon.com/powertools/python/latest/
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

from function.outcome import Disposition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.outcome import Outcome

# The field `service` of every log line and metric, and the namespace of the metrics.
SERVICE: Final = "ecs-run-task"

_MAX_FRAMES_LOGGED: Final = 5

# What the rest of the handler calls the logger. Log lines are constant texts with data in keys.
Log: TypeAlias = Logger


def make_logger(stage: str, level: str) -> Log:
    """Return the function's logger.

    The loggers of the libraries stay at WARNING whatever the level: at DEBUG, botocore logs every
    request, including the values that a task's environment gets.
    """
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Logger(service=SERVICE, level=level, stage=stage)


def log_unexpected(log: Log, error: Exception, **keys: Any) -> None:  # noqa: ANN401 - of any type
    """Log the exception's name and the code's location: its text might quote a message.

    Args:
        log: The function's logger.
        error: The exception.
        **keys: What was at work, such as `message_id`.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES_LOGGED:]
    log.error(
        "unexpected exception",
        **keys,
        exception=type(error).__name__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )


def emit_metrics(outcomes: list[Outcome], stage: str, reports_lost: int | None = None) -> None:
    """Write the metrics of one invocation.

    Rejected and Returned are written twice: by stage, for alarms, and by stage and reason, for
    diagnosis.

    Args:
        outcomes: Of the messages.
        stage: The stage's name.
        reports_lost: How many reports did not reach the events queue; None for a stage without it,
            which has no such metric.
    """
    reasons = Counter(
        (outcome.disposition, outcome.reason)
        for outcome in outcomes
        if outcome.disposition is not Disposition.LAUNCHED
    )

    def total(wanted: Disposition) -> int:
        return sum(n for (disposition, _), n in reasons.items() if disposition is wanted)

    counts = {
        "Launched": sum(outcome.launched for outcome in outcomes),
        "AlreadyStarted": sum(outcome.already_started for outcome in outcomes),
        "Throttled": sum(outcome.throttled for outcome in outcomes),
        "TableUnavailable": sum(outcome.table_failures for outcome in outcomes),
        "Rejected": total(Disposition.REJECTED),
        "Returned": total(Disposition.RETURNED),
        **({} if reports_lost is None else {"ReportsLost": reports_lost}),
    }
    metrics = Metrics(namespace=SERVICE, service=SERVICE)
    metrics.set_default_dimensions(stage=stage)
    for outcome in outcomes:
        if outcome.disposition is Disposition.LAUNCHED and outcome.launched:
            metrics.add_metric(
                name="AgeAtLaunch", unit=MetricUnit.Seconds, value=outcome.age_seconds
            )
    # After the ages: Powertools flushes at a hundred values, and flushing nothing is an error.
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
    for (disposition, reason), count in reasons.items():
        _emit_by_reason(stage, disposition.capitalize(), reason, count)


def emit(
    stage: str,
    counts: Mapping[str, float],
    seconds: Mapping[str, float] | None = None,
    reasons: Mapping[tuple[str, str], float] | None = None,
) -> None:
    """Write metrics of any part of the handler; nothing if there are none.

    Args:
        stage: The stage's name.
        counts: Numbers by the name of the metric.
        seconds: Durations, the same way.
        reasons: Numbers by the name of the metric and the reason; the empty reason is left out.
    """
    if counts or seconds:
        metrics = Metrics(namespace=SERVICE, service=SERVICE)
        metrics.set_default_dimensions(stage=stage)
        for name, count in counts.items():
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
        for name, value in (seconds or {}).items():
            metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=value)
        metrics.flush_metrics()
    for (name, reason), count in (reasons or {}).items():
        if reason:
            _emit_by_reason(stage, name, reason, count)


def _emit_by_reason(stage: str, name: str, reason: str, count: float) -> None:
    with single_metric(
        name=name,
        unit=MetricUnit.Count,
        value=count,
        namespace=SERVICE,
        default_dimensions={"service": SERVICE, "stage": stage},
    ) as metric:
        metric.add_dimension(name="reason", value=reason)
