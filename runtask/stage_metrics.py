"""The metrics of a stage, as an operator watches them: by reason, and for the last hour."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from infra.names import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtask.stage_access import StageAccess

# What a view shows. A metric is written with the dimension `reason` too, where it has one.
_LAUNCHED: Final = "Launched"
_RETURNED: Final = "Returned"
_OUTCOMES: Final = (
    "Succeeded",
    "Failed",
    "NeverStarted",
    "TimedOut",
    "Stopped",
    "Rejected",
    "Restarted",
)
_SHOWN: Final = frozenset({_LAUNCHED, _RETURNED, *_OUTCOMES})

_PERIOD_SECONDS: Final = 60

# How long ago what is counted may be: of outcomes, and of messages that wait.
_HOUR_SECONDS: Final = 3600
_WAITING_SECONDS: Final = 300

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MAX_QUERIES: Final = 500

_SERVICE: Final = "service"
_STAGE: Final = "stage"
_REASON: Final = "reason"


@dataclass(frozen=True, kw_only=True)
class StageMetrics:
    """What the stage's metrics say.

    Attributes:
        launches_per_second: Of the last whole minute that was written; None if none was in the
            last five minutes.
        waiting: How often messages were returned to the queue in the last five minutes, by reason.
        outcomes: How many messages ended in the last hour, by metric and reason. Where the reason
            is empty, the state says it all.
    """

    launches_per_second: float | None
    waiting: Mapping[str, int]
    outcomes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Series:
    """The values of one metric, by the time of their minute."""

    name: str
    reason: str | None
    values: Mapping[float, float]

    def total(self, since: float) -> int:
        return round(sum(value for at, value in self.values.items() if at >= since))


def stage_metrics(access: StageAccess, now: float) -> StageMetrics:
    """Return what the stage's metrics say.

    Args:
        access: The stage.
        now: The time, in seconds since 1970.

    Raises:
        RuntaskError: if CloudWatch cannot be asked.
    """
    series = list(_series(access, now))
    waiting = {
        one.reason: one.total(now - _WAITING_SECONDS)
        for one in series
        if one.name == _RETURNED and one.reason
    }
    outcomes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for one in series:
        if one.name in _OUTCOMES and one.reason is not None:
            outcomes[one.name][one.reason] = one.total(now - _HOUR_SECONDS)
    for one in series:
        if one.name in _OUTCOMES and one.reason is None:
            # What has no reason is counted in the sum alone.
            rest = one.total(now - _HOUR_SECONDS) - sum(outcomes[one.name].values())
            outcomes[one.name][""] = max(rest, 0)
    return StageMetrics(
        launches_per_second=_launch_rate(series, now),
        waiting=_counted(waiting),
        outcomes={
            name: _counted(outcomes[name]) for name in _OUTCOMES if any(outcomes[name].values())
        },
    )


def _counted(numbers: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers that are not 0, the largest first."""
    order = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return {name: number for name, number in order if number}


def _launch_rate(series: list[_Series], now: float) -> float | None:
    whole = {
        at: value
        for one in series
        if one.name == _LAUNCHED
        for at, value in one.values.items()
        if now - _WAITING_SECONDS <= at <= now - _PERIOD_SECONDS
    }
    return whole[max(whole)] / _PERIOD_SECONDS if whole else None


def _series(access: StageAccess, now: float) -> Iterator[_Series]:
    cloudwatch = access.client("cloudwatch")
    with access.asking("the stage's metrics", "cloudwatch:ListMetrics"):
        metrics = list(_metrics(cloudwatch, access.stage))
    # A period begins with a whole minute.
    end = datetime.fromtimestamp(now - now % _PERIOD_SECONDS + _PERIOD_SECONDS, UTC)
    for start in range(0, len(metrics), _MAX_QUERIES):
        part = metrics[start : start + _MAX_QUERIES]
        found: defaultdict[str, dict[float, float]] = defaultdict(dict)
        with access.asking("the stage's metrics", "cloudwatch:GetMetricData"):
            pages = cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_query(f"m{n}", metric) for n, metric in enumerate(part)],
                StartTime=end - timedelta(seconds=_HOUR_SECONDS + _PERIOD_SECONDS),
                EndTime=end,
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    times = (at.timestamp() for at in result["Timestamps"])
                    found[result["Id"]] |= dict(zip(times, result["Values"], strict=True))
        for number, metric in enumerate(part):
            yield _Series(
                name=metric["MetricName"],
                reason=_dimensions(metric).get(_REASON),
                values=found[f"m{number}"],
            )


def _metrics(cloudwatch: Any, stage: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a client
    """Yield the metrics of a stage that a view shows and that were written lately."""
    dimensions = [{"Name": _SERVICE, "Value": PROJECT}, {"Name": _STAGE, "Value": stage}]
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=PROJECT, Dimensions=dimensions, RecentlyActive="PT3H"
    )
    for page in pages:
        for metric in page["Metrics"]:
            names = set(_dimensions(metric))
            if metric["MetricName"] in _SHOWN and names - {_REASON} == {_SERVICE, _STAGE}:
                yield metric


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in metric["Dimensions"]}


def _query(name: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": PROJECT,
                "MetricName": metric["MetricName"],
                "Dimensions": metric["Dimensions"],
            },
            "Period": _PERIOD_SECONDS,
            "Stat": "Sum",
        },
    }
