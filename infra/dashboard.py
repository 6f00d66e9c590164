"""A stage's dashboard: one page for what an operator asks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from infra.documents import to_json
from infra.limits import MINUTE_SECONDS
from infra.names import PROJECT, function_name, stage_name
from infra.outcome_alarms import FINISHED, SWEEP_LAG, VCPU_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.config import FunctionConfig

# CloudWatch's grid has 24 columns.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
_COLUMNS: Final = 24
_WIDTH: Final = 8
_HEIGHT: Final = 6
_ALARMS_HEIGHT: Final = 3

_PERIOD_SECONDS: Final = 5 * MINUTE_SECONDS

# Values of the metrics of AWS that a queue and a function have.
_QUEUES: Final = "AWS/SQS"
_FUNCTIONS: Final = "AWS/Lambda"


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """Arguments of a stage's dashboard.

    Attributes:
        config: The stage's configuration.
        queue_name: Name of the work queue.
        dead_letter_queue_name: Name of its DLQ.
        events_queue_name: Name of the events queue.
        events_dead_letter_queue_name: Name of its DLQ.
        alarm_arns: ARNs of the stage's alarms.
    """

    config: FunctionConfig
    queue_name: Input[str]
    dead_letter_queue_name: Input[str]
    events_queue_name: Input[str]
    events_dead_letter_queue_name: Input[str]
    alarm_arns: Sequence[Input[str]]


class Dashboard(pulumi.ComponentResource):
    """A dashboard of CloudWatch.

    Attributes:
        dashboard_name: Name of the dashboard.
    """

    dashboard_name: Output[str]

    def __init__(self, name: str, args: DashboardArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:Dashboard", name, None, opts)
        dashboard = cloudwatch.Dashboard(
            name,
            dashboard_name=stage_name(args.config.stage),
            dashboard_body=to_json(dashboard_body(args)),
            opts=ResourceOptions(parent=self),
        )
        self.dashboard_name = dashboard.dashboard_name
        self.register_outputs({"dashboardName": self.dashboard_name})


def dashboard_body(args: DashboardArgs) -> dict[str, Any]:
    """Return the dashboard as CloudWatch takes it; names and ARNs may be outputs."""
    config = args.config
    alarms = _widget(
        "alarm",
        0,
        0,
        {"title": "Alarms", "alarms": list(args.alarm_arns)},
        _COLUMNS,
        _ALARMS_HEIGHT,
    )
    graphs = (
        _graph(
            config, "Launches", [_metric(config, "Launched"), _metric(config, "AlreadyStarted")]
        ),
        _graph(config, "Finished messages", [_metric(config, name) for name in FINISHED]),
        _graph(
            config,
            "Finished messages by reason",
            [_by_reason(config, name) for name in FINISHED if name != "Succeeded"],
        ),
        _graph(config, "Returned to the queue, by reason", [_by_reason(config, "Returned")]),
        _graph(config, "Rejected, by reason", [_by_reason(config, "Rejected")]),
        _graph(config, "Restarted", [_metric(config, "Restarted")]),
        _graph(
            config,
            "Age at launch, in seconds",
            [
                _metric(config, "AgeAtLaunch", statistic="p50", label="median"),
                _metric(config, "AgeAtLaunch", statistic="p99", label="99 %"),
                _of_queue(args.queue_name, "ApproximateAgeOfOldestMessage", "oldest in the queue"),
            ],
        ),
        _pace(config),
        _graph(
            config,
            "Work queue",
            [
                _of_queue(args.queue_name, "ApproximateNumberOfMessagesVisible", "visible"),
                _of_queue(args.queue_name, "ApproximateNumberOfMessagesNotVisible", "in flight"),
            ],
        ),
        _graph(
            config,
            "Dead letters",
            [
                _of_queue(
                    args.dead_letter_queue_name, "ApproximateNumberOfMessagesVisible", "messages"
                ),
                _of_queue(
                    args.events_dead_letter_queue_name,
                    "ApproximateNumberOfMessagesVisible",
                    "events",
                ),
            ],
        ),
        _graph(
            config,
            "Events queue and sweep",
            [
                _of_queue(
                    args.events_queue_name, "ApproximateNumberOfMessagesVisible", "events visible"
                ),
                _of_queue(
                    args.events_queue_name, "ApproximateAgeOfOldestMessage", "oldest, in seconds"
                ),
                _metric(config, SWEEP_LAG, statistic="Maximum"),
                _metric(config, "ReportsLost"),
            ],
        ),
        _graph(
            config,
            "Function",
            [
                _of_function(config, "Errors", "Sum"),
                _of_function(config, "Throttles", "Sum"),
                _of_function(config, "ConcurrentExecutions", "Maximum"),
                _metric(config, "TableUnavailable"),
            ],
        ),
        _graph(
            config,
            "vCPU and GiB hours of ended tasks",
            [
                _metric(config, VCPU_SECONDS, id="vcpu", visible=False),
                _metric(config, "MemoryGibibyteSeconds", id="memory", visible=False),
                [{"expression": "vcpu / 3600", "label": "vCPU hours"}],
                [{"expression": "memory / 3600", "label": "GiB hours"}],
            ],
        ),
    )
    per_row = _COLUMNS // _WIDTH
    placed = [
        _widget(
            "metric",
            position % per_row * _WIDTH,
            _ALARMS_HEIGHT + position // per_row * _HEIGHT,
            properties,
        )
        for position, properties in enumerate(graphs)
    ]
    return {"widgets": [alarms, *placed]}


def _pace(config: FunctionConfig) -> dict[str, Any]:
    """Return the launches per second, beside what the stage may use of the account's quota."""
    quota = config.fargate_launch_rate or config.default_fargate_launch_rate
    return {
        **_graph(
            config,
            "Launches per second, and the quota",
            [
                _metric(config, "Launched", id="launched", visible=False),
                [{"expression": "launched / PERIOD(launched)", "label": "launches per second"}],
                _metric(config, "Throttled", yAxis="right"),
            ],
        ),
        "annotations": {"horizontal": [{"label": "fargateLaunchRate", "value": quota}]},
    }


def _widget(  # noqa: PLR0913, PLR0917 - what every widget has
    kind: str,
    x: int,
    y: int,
    properties: dict[str, Any],
    width: int = _WIDTH,
    height: int = _HEIGHT,
) -> dict[str, Any]:
    return {
        "type": kind,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "properties": properties,
    }


def _graph(config: FunctionConfig, title: str, metrics: list[list[Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "view": "timeSeries",
        "region": config.location.region,
        "period": _PERIOD_SECONDS,
        "stat": "Sum",
        "yAxis": {"left": {"min": 0}, "right": {"min": 0}},
        "metrics": metrics,
    }


def _metric(
    config: FunctionConfig, name: str, *, statistic: str = "Sum", **options: object
) -> list[Any]:
    """Return what the handler counts, as a line of a graph."""
    dimensions = ("service", PROJECT, "stage", config.stage)
    return [PROJECT, name, *dimensions, {"stat": statistic, **options}]


def _by_reason(config: FunctionConfig, name: str) -> list[Any]:
    """Return one line for each reason that has occurred."""
    schema = f"{{{PROJECT},reason,service,stage}}"
    found = f'{schema} MetricName="{name}" stage="{config.stage}"'
    return [
        {
            "expression": f"SEARCH('{found}', 'Sum', {_PERIOD_SECONDS})",
            "label": f"{name}: ${{PROP('Dim.reason')}}",
        }
    ]


def _of_queue(queue: Input[str], metric: str, label: str) -> list[Any]:
    return [_QUEUES, metric, "QueueName", queue, {"stat": "Maximum", "label": label}]


def _of_function(config: FunctionConfig, metric: str, statistic: str) -> list[Any]:
    return [_FUNCTIONS, metric, "FunctionName", function_name(config.stage), {"stat": statistic}]
