"""The alarms on what follows a launch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from infra.alarms import AlarmArgs, alarm, handler_alarm, queue_alarm
from infra.limits import DAY_SECONDS, MINUTE_SECONDS
from infra.names import PROJECT, function_name

if TYPE_CHECKING:
    from infra.config import FunctionConfig

_HOUR_SECONDS: Final = 60 * MINUTE_SECONDS

# A sweep is sent each minute, so the oldest message is younger than this in a queue that is read.
_WAITING_SECONDS: Final = 15 * MINUTE_SECONDS

# Of the tasks that ended within an hour; fewer than that are no rate.
_NEVER_STARTED_PERCENT: Final = 10
_NEVER_STARTED_LEAST: Final = 3

# The metrics that a finished key is counted by: exactly one of them.
FINISHED: Final = ("Succeeded", "Failed", "NeverStarted", "TimedOut", "Stopped")
NEVER_STARTED: Final = "NeverStarted"
SWEEP_LAG: Final = "SweepLag"
VCPU_SECONDS: Final = "VcpuSeconds"


@dataclass(frozen=True, kw_only=True)
class OutcomeAlarmsArgs:
    """Arguments of the alarms on what follows a launch.

    Attributes:
        config: The stage's configuration.
        queue_name: Name of the events queue.
        dead_letter_queue_name: Name of its DLQ.
        topic_arn: ARN of the topic that learns of the alarms.
    """

    config: FunctionConfig
    queue_name: Input[str]
    dead_letter_queue_name: Input[str]
    topic_arn: Input[str]


class OutcomeAlarms(pulumi.ComponentResource):
    """The alarms on what becomes of a stage's tasks, and on how the stage learns of it.

    - `events-dead-letters`: events failed again and again.
    - `events-waiting`: nobody takes events: their mapping is off, or the function fails.
    - `sweep`: nothing looks after the tasks. It is also raised without any sweep at all, so it
      tells of rules that are off or may not send, which the other two cannot.
    - `never-started`: tasks end before a container of them runs.
    - `throttles`: Lambda has no concurrency left for the function.
    - `vcpu-hours`, with the option `maxVcpuHoursPerDay`: tasks cost more than expected.

    Attributes:
        arns: ARNs of the alarms.
    """

    arns: list[Output[str]]

    def __init__(
        self, name: str, args: OutcomeAlarmsArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:OutcomeAlarms", name, None, opts)
        child = ResourceOptions(parent=self)
        self.arns = [*_of_queue(name, args, child), *_of_tasks(name, args, child)]
        self.register_outputs({})


def _of_queue(name: str, args: OutcomeAlarmsArgs, opts: ResourceOptions) -> list[Output[str]]:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    dead_letters = queue_alarm(
        f"{name}-events-dead-letters",
        "ApproximateNumberOfMessagesVisible",
        args.dead_letter_queue_name,
        description="Events of tasks failed again and again; the sweep finds out about their tasks",
        threshold=1,
        topic_arn=args.topic_arn,
        opts=opts,
    )
    waiting = queue_alarm(
        f"{name}-events-waiting",
        "ApproximateAgeOfOldestMessage",
        args.queue_name,
        description="Nobody has taken the oldest event for a quarter of an hour",
        threshold=_WAITING_SECONDS,
        topic_arn=args.topic_arn,
        opts=opts,
    )
    sweep = handler_alarm(
        f"{name}-sweep",
        args.config,
        description="Nothing has looked after the stage's tasks for a quarter of an hour",
        metric=SWEEP_LAG,
        topic_arn=args.topic_arn,
        opts=opts,
        statistic="Maximum",
        threshold=_WAITING_SECONDS,
        period_seconds=_WAITING_SECONDS,
        missing="breaching",
    )
    return [dead_letters.arn, waiting.arn, sweep.arn]


def _of_tasks(name: str, args: OutcomeAlarmsArgs, opts: ResourceOptions) -> list[Output[str]]:
    config = args.config
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    throttles = alarm(
        f"{name}-throttles",
        AlarmArgs(
            description="Lambda has no concurrency left for the function; messages wait",
            namespace="AWS/Lambda",
            metric="Throttles",
            dimensions={"FunctionName": function_name(config.stage)},
            statistic="Sum",
            threshold=1,
            topic_arn=args.topic_arn,
        ),
        opts,
    )
    arns = [_never_started(f"{name}-never-started", args, opts).arn, throttles.arn]
    if config.max_vcpu_hours_per_day:
        hours = handler_alarm(
            f"{name}-vcpu-hours",
            config,
            description=(
                f"Tasks that ended within 24 hours used {config.max_vcpu_hours_per_day} vCPU hours"
            ),
            metric=VCPU_SECONDS,
            topic_arn=args.topic_arn,
            opts=opts,
            threshold=config.max_vcpu_hours_per_day * _HOUR_SECONDS,
            period_seconds=DAY_SECONDS,
        )
        arns.append(hours.arn)
    return arns


def _never_started(
    name: str, args: OutcomeAlarmsArgs, opts: ResourceOptions
) -> cloudwatch.MetricAlarm:
    """Return the alarm on the share of keys whose tasks never started."""
    ids = {metric: metric.lower() for metric in FINISHED}
    never = ids[NEVER_STARTED]
    rate = f"100 * {never} / ({' + '.join(ids.values())})"
    queries: list[cloudwatch.MetricAlarmMetricQueryArgsDict] = [
        {
            "id": "rate",
            "expression": f"IF({never} >= {_NEVER_STARTED_LEAST}, {rate}, 0)",
            "label": "Never started, in percent",
            "return_data": True,
        }
    ]
    queries += [
        {
            "id": id_,
            "metric": {
                "namespace": PROJECT,
                "metric_name": metric,
                "dimensions": {"service": PROJECT, "stage": args.config.stage},
                "period": _HOUR_SECONDS,
                "stat": "Sum",
            },
        }
        for metric, id_ in ids.items()
    ]
    return cloudwatch.MetricAlarm(
        name,
        alarm_description=(
            f"{_NEVER_STARTED_PERCENT} % or more of the tasks that ended within an hour never ran"
        ),
        metric_queries=queries,
        evaluation_periods=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=_NEVER_STARTED_PERCENT,
        treat_missing_data="notBreaching",
        alarm_actions=[args.topic_arn],
        ok_actions=[args.topic_arn],
        opts=opts,
    )
