"""The rules of EventBridge that tell a stage what became of its tasks, and when to sweep."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import cloudwatch

from infra.documents import to_json
from infra.names import PROJECT, rule_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.names import Location

# What every event of a task has. No field of the overrides is among them: they have the values of
# a task's environment. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
_FIELDS: Final = (
    *("taskArn", "clusterArn", "startedBy", "taskDefinitionArn", "lastStatus", "desiredStatus"),
    *("version", "createdAt", "containers", "cpu", "memory"),
)
_OF_STOPPED: Final = ("stopCode", "stoppedReason", "stoppedAt")
_OF_STARTED: Final = ("startedAt",)

# AWS does not say what becomes of a template if the event lacks a field of it. So `startedAt`,
# which a task that never started does not have, decides between two rules.
_EXISTS: Final = [{"exists": True}]
_MISSING: Final = [{"exists": False}]

# How often the function looks after tasks of which it heard nothing.
_SWEEP_EVERY: Final = "rate(1 minute)"
SWEEP: Final = "sweep"


@dataclass(frozen=True, kw_only=True)
class TaskRule:
    """A rule for some events of a stage's tasks.

    Attributes:
        what: What it is for, the end of its name.
        detail: The part of the pattern that is its own.
        fields: The fields of an event's detail that it passes on.
    """

    what: str
    detail: Mapping[str, Any]
    fields: Sequence[str]

    def pattern(self, stage: str) -> dict[str, Any]:
        """Return the event pattern, which matches tasks of this stage alone."""
        return {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {
                # With the last slash: a stage's name can be the beginning of another's.
                "startedBy": [{"prefix": f"{PROJECT}/{stage}/"}],
                **self.detail,
            },
        }

    @property
    def paths(self) -> dict[str, str]:
        """The input transformer's variables, each with its path in the event."""
        return {field: f"$.detail.{field}" for field in self.fields}

    @property
    def template(self) -> str:
        """The input transformer's template. EventBridge quotes texts, and inlines what is JSON.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
        """
        variables = "".join(f', "{field}": <{field}>' for field in self.fields)
        return f'{{"event": "task"{variables}}}'


TASK_RULES: Final = (
    TaskRule(
        what="running",
        detail={"lastStatus": ["RUNNING"], "startedAt": _EXISTS},
        fields=(*_FIELDS, *_OF_STARTED),
    ),
    TaskRule(
        what="stopped",
        detail={"lastStatus": ["STOPPED"], "startedAt": _EXISTS},
        fields=(*_FIELDS, *_OF_STOPPED, *_OF_STARTED),
    ),
    TaskRule(
        what="never-started",
        detail={"lastStatus": ["STOPPED"], "startedAt": _MISSING},
        fields=(*_FIELDS, *_OF_STOPPED),
    ),
)


def rule_arns(location: Location, stage: str) -> list[str]:
    """Return the ARNs of a stage's rules, which are known before the rules are there."""
    names = (*(rule.what for rule in TASK_RULES), SWEEP)
    return [location.arn("events", f"rule/{rule_name(stage, name)}") for name in names]


@dataclass(frozen=True, kw_only=True)
class EventRulesArgs:
    """Arguments of a stage's rules.

    Attributes:
        stage: The stage's name.
        queue_arn: ARN of the events queue.
        queue_policy: The queue's policy; without it, EventBridge delivers nothing.
    """

    stage: str
    queue_arn: Input[str]
    queue_policy: pulumi.Resource


class EventRules(pulumi.ComponentResource):
    """The rules and their target, the events queue."""

    def __init__(
        self, name: str, args: EventRulesArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:EventRules", name, None, opts)
        self._stage = args.stage
        self._child = ResourceOptions(parent=self)
        self._target = ResourceOptions(parent=self, depends_on=[args.queue_policy])
        for task_rule in TASK_RULES:
            rule = self._rule(
                name,
                task_rule.what,
                f"Tasks of the stage {args.stage}: {task_rule.what}",
                event_pattern=to_json(task_rule.pattern(args.stage)),
            )
            cloudwatch.EventTarget(
                f"{name}-{task_rule.what}-target",
                rule=rule.name,
                target_id=task_rule.what,
                arn=args.queue_arn,
                input_transformer={
                    "input_paths": task_rule.paths,
                    "input_template": task_rule.template,
                },
                opts=self._target,
            )
        sweep = self._rule(
            name,
            SWEEP,
            f"Lets the stage {args.stage} look after its tasks",
            schedule_expression=_SWEEP_EVERY,
        )
        cloudwatch.EventTarget(
            f"{name}-{SWEEP}-target",
            rule=sweep.name,
            target_id=SWEEP,
            arn=args.queue_arn,
            input=json.dumps({"event": SWEEP}),
            opts=self._target,
        )
        self.register_outputs({})

    def _rule(
        self,
        name: str,
        what: str,
        description: str,
        *,
        event_pattern: Input[str] | None = None,
        schedule_expression: Input[str] | None = None,
    ) -> cloudwatch.EventRule:
        return cloudwatch.EventRule(
            f"{name}-{what}",
            # A fixed name, because the queue's policy has it, which is there before the rule.
            name=rule_name(self._stage, what),
            description=description,
            event_pattern=event_pattern,
            schedule_expression=schedule_expression,
            opts=self._child,
        )
