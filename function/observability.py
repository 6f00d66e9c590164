"""Logs and metrics, the only place that knows Powertools.

https://docs.aws.amazon.com/powertools/python/latest/
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

from function.outcome import Disposition

if TYPE_CHECKING:
    from function.outcome import Outcome

SERVICE: Final = "ecs-run-task"
"""The service of every log line and metric, and the metrics' namespace."""


Log: TypeAlias = Logger
"""What the rest of the handler calls the logger: it takes a constant text, and data in keys."""


def logger(stage: str, level: str) -> Log:
    """Return the logger of the function.

    The loggers of the libraries stay quiet whatever the level: at DEBUG botocore writes down
    every request, with the values that a task is to be given.
    """
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Logger(service=SERVICE, level=level, stage=stage)


def emit(outcomes: list[Outcome], stage: str) -> None:
    """Write the metrics of one invocation.

    Rejected and Kept are there twice: by stage for an alarm, by stage and reason for a person.
    """
    reasons = Counter(
        (outcome.disposition, outcome.reason)
        for outcome in outcomes
        if outcome.disposition is not Disposition.LAUNCHED
    )
    counts = {
        "Launched": sum(outcome.launched for outcome in outcomes),
        "AlreadyStarted": sum(outcome.already_started for outcome in outcomes),
        "Throttled": sum(outcome.throttled for outcome in outcomes),
        "Rejected": sum(
            n for (disposition, _), n in reasons.items() if disposition is Disposition.REJECTED
        ),
        "Kept": sum(
            n for (disposition, _), n in reasons.items() if disposition is Disposition.RETURNED
        ),
    }
    metrics = Metrics(namespace=SERVICE, service=SERVICE)
    metrics.set_default_dimensions(stage=stage)
    for outcome in outcomes:
        if outcome.disposition is Disposition.LAUNCHED and outcome.launched:
            metrics.add_metric(
                name="AgeAtLaunch", unit=MetricUnit.Seconds, value=outcome.age_seconds
            )
    # After the ages: a hundred of them are written at once, and an empty rest would be an error.
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
    for (disposition, reason), count in reasons.items():
        with single_metric(
            name=disposition.capitalize(),
            unit=MetricUnit.Count,
            value=count,
            namespace=SERVICE,
            default_dimensions={"service": SERVICE, "stage": stage},
        ) as metric:
            metric.add_dimension(name="reason", value=reason)
