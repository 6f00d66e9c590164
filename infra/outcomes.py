"""What a stage has for what follows a launch: what the function uses, and what uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, ResourceOptions

from infra.dashboard import Dashboard, DashboardArgs
from infra.environment import OutcomeResources
from infra.event_rules import EventRules, EventRulesArgs
from infra.event_source import event_source
from infra.events_queue import EventsQueue, EventsQueueArgs
from infra.limits import MAX_BATCH_SIZE_WITHOUT_WINDOW, MAXIMUM_CONCURRENCY
from infra.names import EVENTS, RESULTS, stage_name
from infra.outcome_alarms import OutcomeAlarms, OutcomeAlarmsArgs
from infra.outcome_options import RESULTS_BUS, RESULTS_QUEUE
from infra.payload_bucket import PayloadBucket, PayloadBucketArgs
from infra.results import ResultsArgs, ResultsBus, ResultsQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.config import FunctionConfig
    from infra.queues import WorkQueue

# A batch of events takes a few calls of DynamoDB, so the smallest concurrency will do.
_EVENTS_CONCURRENCY: Final = min(MAXIMUM_CONCURRENCY)
_EVENTS_BATCH_SIZE: Final = MAX_BATCH_SIZE_WITHOUT_WINDOW


@dataclass(frozen=True, kw_only=True)
class OutcomesArgs:
    """Arguments of what the function uses after a launch.

    Attributes:
        config: The stage's configuration.
        kms_key: The stage's KMS key.
        kms_key_arn: Its ARN.
        function_role_arn: ARN of the function's role.
    """

    config: FunctionConfig
    kms_key: pulumi.Resource
    kms_key_arn: Input[str]
    function_role_arn: Input[str]


class Outcomes(pulumi.ComponentResource):
    """The events queue, where results go, and the payload bucket: each only if its option is on.

    Attributes:
        events: The events queue, if the stage follows its tasks.
        results_queue: The results queue, if there is one.
        results_bus: The results bus, if there is one.
        payloads: The payload bucket, if there is one.
    """

    events: EventsQueue | None = None
    results_queue: ResultsQueue | None = None
    results_bus: ResultsBus | None = None
    payloads: PayloadBucket | None = None

    def __init__(self, name: str, args: OutcomesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:Outcomes", name, None, opts)
        config = args.config
        child = ResourceOptions(parent=self)
        results = ResultsArgs(
            config=config,
            kms_key_arn=args.kms_key_arn,
            function_role_arn=args.function_role_arn,
        )
        if config.outcomes:
            self.events = EventsQueue(
                f"{name}-{EVENTS}",
                EventsQueueArgs(
                    config=config,
                    kms_key_arn=args.kms_key_arn,
                    function_role_arn=args.function_role_arn,
                ),
                child,
            )
        if config.results == RESULTS_QUEUE:
            self.results_queue = ResultsQueue(f"{name}-{RESULTS}", results, child)
        if config.results == RESULTS_BUS:
            self.results_bus = ResultsBus(f"{name}-{RESULTS}", results, child)
        if config.payloads:
            self.payloads = PayloadBucket(
                f"{name}-payloads",
                PayloadBucketArgs(
                    config=config,
                    kms_key=args.kms_key,
                    kms_key_arn=args.kms_key_arn,
                    function_role_arn=args.function_role_arn,
                ),
                child,
            )
        self.register_outputs({})

    @property
    def resources(self) -> OutcomeResources:
        """What the function has to know of them."""
        return OutcomeResources(
            events_queue_url=self.events.url if self.events else None,
            results_queue_url=self.results_queue.url if self.results_queue else None,
            results_bus=self.results_bus.name if self.results_bus else None,
            payload_bucket=self.payloads.bucket if self.payloads else None,
        )

    def outputs(self) -> Mapping[str, Input[str]]:
        """Return the outputs of the stack about them."""
        resources = self.resources
        found = {
            "eventsQueueUrl": resources.events_queue_url,
            "eventsDeadLetterQueueUrl": self.events.dead_letter_url if self.events else None,
            "resultsQueueUrl": resources.results_queue_url,
            "resultsBus": resources.results_bus,
            "payloadBucket": resources.payload_bucket,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class FollowUpArgs:
    """Arguments of what invokes and watches the function after a launch.

    Attributes:
        config: The stage's configuration.
        events: The events queue.
        queue: The work queue.
        alias_arn: ARN of the function's alias.
        topic_arn: ARN of the topic that learns of the alarms.
        alarm_arns: ARNs of the stage's other alarms.
    """

    config: FunctionConfig
    events: EventsQueue
    queue: WorkQueue
    alias_arn: Input[str]
    topic_arn: Input[str]
    alarm_arns: Sequence[Input[str]]


class FollowUp(pulumi.ComponentResource):
    """The rules, the mapping from the events queue to the function, the alarms, the dashboard.

    Attributes:
        dashboard: The dashboard, if there is one.
    """

    dashboard: Dashboard | None = None

    def __init__(self, name: str, args: FollowUpArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:FollowUp", name, None, opts)
        config, events = args.config, args.events
        child = ResourceOptions(parent=self)
        EventRules(
            name,
            EventRulesArgs(stage=config.stage, queue_arn=events.arn, queue_policy=events.policy),
            child,
        )
        event_source(
            f"{name}-{EVENTS}-source",
            queue_arn=events.arn,
            alias_arn=args.alias_arn,
            batch_size=_EVENTS_BATCH_SIZE,
            batching_window_seconds=0,
            maximum_concurrency=_EVENTS_CONCURRENCY,
            opts=child,
        )
        alarms = OutcomeAlarms(
            name,
            OutcomeAlarmsArgs(
                config=config,
                queue_name=events.name,
                dead_letter_queue_name=events.dead_letter_name,
                topic_arn=args.topic_arn,
            ),
            child,
        )
        if config.dashboard:
            self.dashboard = Dashboard(
                f"{stage_name(config.stage)}-dashboard",
                DashboardArgs(
                    config=config,
                    queue_name=args.queue.name,
                    dead_letter_queue_name=args.queue.dead_letter_name,
                    events_queue_name=events.name,
                    events_dead_letter_queue_name=events.dead_letter_name,
                    alarm_arns=[*args.alarm_arns, *alarms.arns],
                ),
                child,
            )
        self.register_outputs({})

    def outputs(self) -> Mapping[str, Input[str]]:
        """Return the outputs of the stack about it."""
        return {"dashboard": self.dashboard.dashboard_name} if self.dashboard else {}
