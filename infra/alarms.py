"""The alarms of a stage, and how each of them is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from infra.limits import DAY_SECONDS, MINUTE_SECONDS
from infra.names import PROJECT, function_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig

# How long an alarm looks at a metric. SQS and Lambda write one value a minute or more.
_PERIOD_SECONDS: Final = 5 * MINUTE_SECONDS

# Without messages there are no metrics, so a period without a value means that all is well.
ALL_IS_WELL: Final = "notBreaching"

# The part of a ceiling at which an alarm tells of it.
_NEARLY: Final = 0.8

# Longer than a message can be hidden after one delivery: MAX_VISIBILITY_TIMEOUT_SECONDS.
_WAITING_SECONDS: Final = 60 * MINUTE_SECONDS


@dataclass(frozen=True, kw_only=True)
class AlarmArgs:
    """Arguments of an alarm that is raised as soon as a metric reaches a threshold.

    Attributes:
        description: What is wrong, for the reader of the notification.
        namespace: The metric's namespace.
        metric: The metric's name.
        dimensions: The metric's dimensions.
        statistic: How the values of a period become one.
        threshold: The least value that raises the alarm.
        topic_arn: ARN of the topic that learns of the alarm and of its end.
        period_seconds: How long the alarm looks at the metric.
        missing: What a period without a value means, `notBreaching` or `breaching`.
    """

    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Input[str]]
    statistic: str
    threshold: float
    topic_arn: Input[str]
    period_seconds: int = _PERIOD_SECONDS
    missing: str = ALL_IS_WELL


def alarm(name: str, args: AlarmArgs, opts: ResourceOptions) -> cloudwatch.MetricAlarm:
    """Return an alarm."""
    return cloudwatch.MetricAlarm(
        name,
        alarm_description=args.description,
        namespace=args.namespace,
        metric_name=args.metric,
        dimensions=dict(args.dimensions),
        statistic=args.statistic,
        period=args.period_seconds,
        evaluation_periods=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=args.threshold,
        treat_missing_data=args.missing,
        alarm_actions=[args.topic_arn],
        ok_actions=[args.topic_arn],
        opts=opts,
    )


def queue_alarm(  # noqa: PLR0913 - what the queues' alarms differ in
    name: str,
    metric: str,
    queue_name: Input[str],
    *,
    description: str,
    threshold: float,
    topic_arn: Input[str],
    opts: ResourceOptions,
) -> cloudwatch.MetricAlarm:
    """Return an alarm on the highest value of a metric of a queue."""
    args = AlarmArgs(
        description=description,
        namespace="AWS/SQS",
        metric=metric,
        dimensions={"QueueName": queue_name},
        statistic="Maximum",
        threshold=threshold,
        topic_arn=topic_arn,
    )
    return alarm(name, args, opts)


def handler_alarm(  # noqa: PLR0913 - what the handler's alarms differ in
    name: str,
    config: FunctionConfig,
    *,
    description: str,
    metric: str,
    topic_arn: Input[str],
    opts: ResourceOptions,
    statistic: str = "Sum",
    threshold: float = 1,
    period_seconds: int = _PERIOD_SECONDS,
    missing: str = ALL_IS_WELL,
) -> cloudwatch.MetricAlarm:
    """Return an alarm on what the handler counts in `metric`, by default on the first event."""
    return alarm(
        name,
        AlarmArgs(
            description=description,
            # The name of the service that the handler's logs and metrics carry.
            namespace=PROJECT,
            metric=metric,
            dimensions={"service": PROJECT, "stage": config.stage},
            statistic=statistic,
            threshold=threshold,
            topic_arn=topic_arn,
            period_seconds=period_seconds,
            missing=missing,
        ),
        opts,
    )


@dataclass(frozen=True, kw_only=True)
class StageAlarmsArgs:
    """Arguments of a stage's alarms.

    Attributes:
        config: The stage's configuration.
        queue_name: Name of the work queue.
        dead_letter_queue_name: Name of the DLQ.
        topic_arn: ARN of the topic that learns of the alarms.
    """

    config: FunctionConfig
    queue_name: Input[str]
    dead_letter_queue_name: Input[str]
    topic_arn: Input[str]


class StageAlarms(pulumi.ComponentResource):
    """The alarms on what happens to a stage's messages.

    - `rejected`: a sender or the allow-list is wrong now. Each rejection is a notification of its
      own; the alarm shows in the console whether they go on.
    - `dead-letters`: a dead letter is deleted when its retention ends, so somebody must look at it.
      It also tells of messages that SQS itself moved there, of which there is no notification.
    - `waiting`: nobody takes messages. The mapping is off, its role lost a right, or the function
      fails. Of a message that was received more than three times, SQS tells no age.
    - `tasks`, with the option `maxTasksPerDay`: the stage is close to that ceiling, where its
      messages begin to wait for the next day.
    - `errors`: the function crashed or timed out, which no message and no notification tells.

    Attributes:
        arns: ARNs of the alarms.
    """

    arns: list[Output[str]]

    def __init__(
        self, name: str, args: StageAlarmsArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:StageAlarms", name, None, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        rejected = handler_alarm(
            f"{name}-rejected",
            config,
            description="Messages are rejected; the dead-letter queue has them, with the reason",
            metric="Rejected",
            topic_arn=args.topic_arn,
            opts=child,
        )
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        dead_letters = queue_alarm(
            f"{name}-dead-letters",
            "ApproximateNumberOfMessagesVisible",
            args.dead_letter_queue_name,
            description=(
                "The dead-letter queue has messages, which SQS deletes after "
                f"{config.dead_letter_retention_days} days"
            ),
            threshold=1,
            topic_arn=args.topic_arn,
            opts=child,
        )
        waiting = queue_alarm(
            f"{name}-waiting",
            "ApproximateAgeOfOldestMessage",
            args.queue_name,
            description="Nobody has taken the oldest message for an hour",
            threshold=_WAITING_SECONDS,
            topic_arn=args.topic_arn,
            opts=child,
        )
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        errors = alarm(
            f"{name}-errors",
            AlarmArgs(
                description="The function crashed or timed out; its messages return to the queue",
                namespace="AWS/Lambda",
                metric="Errors",
                dimensions={"FunctionName": function_name(config.stage)},
                statistic="Sum",
                threshold=1,
                topic_arn=args.topic_arn,
            ),
            child,
        )
        self.arns = [one.arn for one in (rejected, dead_letters, waiting, errors)]
        if config.max_tasks_per_day:
            tasks = handler_alarm(
                f"{name}-tasks",
                config,
                description=(
                    f"{_NEARLY:.0%} of the {config.max_tasks_per_day} tasks of a day were started"
                ),
                metric="Launched",
                topic_arn=args.topic_arn,
                opts=child,
                threshold=_NEARLY * config.max_tasks_per_day,
                period_seconds=DAY_SECONDS,
            )
            self.arns.append(tasks.arn)
        self.register_outputs({})
