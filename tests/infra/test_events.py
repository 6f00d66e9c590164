"""What a stage learns of its tasks: rules, input transformers, the events queue, the mapping."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.message.idempotency import started_by
from function.outcomes.observations import Sweep, TaskSeen, parse
from infra.event_rules import TASK_RULES, TaskRule
from infra.limits import MAX_EVENT_RECEIVES
from infra.policies.outcome_policies import events_queue_policy
from tests.infra.grants import Need, Statement, denied, missing
from tests.infra.test_function_stack import statement
from tests.infra.test_needed_actions import EVENTS_QUEUE, HERE, ROLE, RULE

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

RULES: Final = "cloudwatch/eventRule:EventRule"
TARGETS: Final = "cloudwatch/eventTarget:EventTarget"
QUEUE: Final = "ecs-run-task-dev-events"
VALUE: Final = "canary-5f0c1b7e"

# As AWS documents it, with what it adds of a message's overrides.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
EVENT: Final[dict[str, Any]] = {
    "source": "aws.ecs",
    "detail-type": "ECS Task State Change",
    "detail": {
        "taskArn": HERE.arn("ecs", "task/batch/0123456789abcdef0123456789abcdef"),
        "clusterArn": HERE.cluster_arn("batch"),
        "startedBy": started_by("dev", "nightly"),
        "taskDefinitionArn": HERE.arn("ecs", "task-definition/report:7"),
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "version": 6,
        "createdAt": "2026-11-22T08:00:00.000Z",
        "startedAt": "2026-11-22T08:01:00.000Z",
        "stoppedAt": "2026-11-22T08:02:00.000Z",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": 'Essential container in task exited: "main"',
        "cpu": "256",
        "memory": "512",
        "containers": [{"name": "main", "exitCode": 7, "runtimeId": "r", "lastStatus": "STOPPED"}],
        "overrides": {
            "containerOverrides": [
                {"name": "main", "environment": [{"name": "TOKEN", "value": VALUE}]}
            ]
        },
    },
}


def event(**changes: object) -> dict[str, Any]:
    """Return the event with some of its detail changed; None takes a field away."""
    detail = {**EVENT["detail"], **changes}
    return {**EVENT, "detail": {key: value for key, value in detail.items() if value is not None}}


def matches(pattern: Any, value: Any) -> bool:
    """Return whether a pattern matches, as far as the patterns of the kit go."""
    if isinstance(pattern, dict):
        return all(matches(part, (value or {}).get(key)) for key, part in pattern.items())
    return any(_one(accepted, value) for accepted in pattern)


def _one(accepted: Any, value: Any) -> bool:
    if not isinstance(accepted, dict):
        return bool(accepted == value)
    if "exists" in accepted:
        return bool(accepted["exists"] == (value is not None))
    return isinstance(value, str) and value.startswith(accepted["prefix"])


def transformed(rule: TaskRule, body: dict[str, Any]) -> str:
    """Return what an input transformer makes: texts are quoted, everything else is JSON."""
    detail = body["detail"]
    return re.sub(r"<(\w+)>", lambda name: json.dumps(detail[name[1]]), rule.template)


def rules_for(body: dict[str, Any], stage: str = "dev") -> list[str]:
    return [rule.what for rule in TASK_RULES if matches(rule.pattern(stage), body)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lastStatus": "RUNNING"}, ["running"]),
        ({}, ["stopped"]),
        ({"startedAt": None}, ["never-started"]),
        ({"lastStatus": "PENDING", "startedAt": None}, []),
        ({"startedBy": "ecs-svc/123"}, []),
        ({"startedBy": None}, []),
        ({"startedBy": started_by("dev-two", "nightly")}, []),
        ({"startedBy": started_by("prod", "nightly")}, []),
    ],
)
def test_an_event_passes_exactly_one_rule_or_none(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert rules_for(event(**changes)) == expected


def test_other_events_of_ecs_pass_no_rule() -> None:
    assert rules_for({**EVENT, "detail-type": "ECS Deployment State Change"}) == []
    assert rules_for({**EVENT, "source": "custom"}) == []


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("running", {"lastStatus": "RUNNING"}),
        ("stopped", {}),
        ("never-started", {"startedAt": None}),
    ],
)
def test_the_handler_reads_what_the_transformer_makes_and_no_secret_passes(
    what: str, changes: dict[str, object]
) -> None:
    (rule,) = (rule for rule in TASK_RULES if rule.what == what)
    body = transformed(rule, event(**changes))
    assert VALUE not in body
    seen = parse(body, "dev")
    assert isinstance(seen, TaskSeen)
    assert (seen.key, seen.run.version, seen.run.cpu) == ("nightly", 6, 256)
    assert seen.run.containers[0].exit_code == 7
    assert (seen.run.started_at is None) is (what == "never-started")
    assert bool(seen.run.stop_code) is (what != "running")


@pytest.mark.parametrize("rule", TASK_RULES, ids=lambda rule: rule.what)
def test_a_template_uses_every_variable_once_and_stays_within_the_limits(rule: TaskRule) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
    assert sorted(re.findall(r"<(\w+)>", rule.template)) == sorted(rule.paths)
    assert len(rule.paths) <= 100
    assert len(rule.template) <= 8192
    assert all(path == f"$.detail.{name}" for name, path in rule.paths.items())
    assert "overrides" not in rule.template


def test_no_rule_uses_a_field_that_its_events_may_lack() -> None:
    for rule in TASK_RULES:
        asks = rule.detail.get("startedAt") == [{"exists": True}]
        assert ("startedAt" in rule.paths) is asks


def test_a_stage_has_these_rules_and_each_sends_to_its_queue(dev: Recorder) -> None:
    names = {rule.inputs["name"] for rule in dev.all(RULES)}
    assert names == {
        f"ecs-run-task-dev-{what}" for what in ("running", "stopped", "never-started", "sweep")
    }
    for target in dev.all(TARGETS):
        assert target.inputs["arn"].endswith(f":{QUEUE}")
        assert target.inputs["rule"] in names
        # Before the policy is there, SQS refuses what EventBridge sends.
        assert "ecs-run-task-dev-events-policy" in target.depends_on


def test_a_sweep_is_sent_each_minute(dev: Recorder) -> None:
    rule = dev.named(RULES, "ecs-run-task-dev-sweep").inputs
    assert rule["scheduleExpression"] == "rate(1 minute)"
    body = dev.named(TARGETS, "ecs-run-task-dev-sweep-target").inputs["input"]
    assert isinstance(parse(body, "dev"), Sweep)


def test_the_pattern_and_the_transformer_reach_the_stack(dev: Recorder) -> None:
    for rule in TASK_RULES:
        name = f"ecs-run-task-dev-{rule.what}"
        assert dev.named(RULES, name).document("eventPattern") == rule.pattern("dev")
        assert dev.named(TARGETS, f"{name}-target").inputs["inputTransformer"] == {
            "inputPaths": rule.paths,
            "inputTemplate": rule.template,
        }


def test_the_events_queue_outlasts_a_long_outage_of_the_ledger(dev: Recorder) -> None:
    queue = dev.named("sqs/queue:Queue", QUEUE).inputs
    dlq = dev.named("sqs/queue:Queue", f"{QUEUE}-dlq")
    redrive = json.loads(queue["redrivePolicy"])
    assert queue["visibilityTimeoutSeconds"] == 6 * 60
    assert redrive["maxReceiveCount"] == MAX_EVENT_RECEIVES == 100
    assert redrive["deadLetterTargetArn"] == dlq.outputs["arn"]
    assert queue["messageRetentionSeconds"] == 4 * 86_400
    assert dlq.inputs["messageRetentionSeconds"] == 14 * 86_400


def test_events_invoke_the_same_alias_by_a_mapping_of_their_own(dev: Recorder) -> None:
    mapping = dev.named(
        "lambda/eventSourceMapping:EventSourceMapping", "ecs-run-task-dev-events-source"
    ).inputs
    assert mapping["eventSourceArn"].endswith(f":{QUEUE}")
    assert mapping["functionName"] == dev.only("lambda/alias:Alias").outputs["arn"]
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"]) == (10, 0)
    assert mapping["scalingConfig"] == {"maximumConcurrency": 2}


def test_the_events_queue_of_a_fifo_stage_is_a_standard_queue(stack: Stack) -> None:
    queue = stack("dev", fifo="true").named("sqs/queue:Queue", QUEUE).inputs
    assert "fifoQueue" not in queue


POLICY: Final[list[Statement]] = events_queue_policy(HERE, EVENTS_QUEUE, ROLE, [RULE])["Statement"]
ADMINISTRATOR: Final = HERE.iam_arn("role/administrator")
TLS: Final = {"aws:SecureTransport": "true"}


def send(**context: str) -> Need:
    return Need(
        why="a report", action="sqs:SendMessage", resource=EVENTS_QUEUE, context={**TLS, **context}
    )


def of_rule(rule: str, account: str = HERE.account) -> Need:
    return send(**{"aws:SourceArn": rule, "aws:SourceAccount": account})


def test_only_the_function_and_the_stages_rules_send_to_the_events_queue() -> None:
    assert not denied(POLICY, send(**{"aws:PrincipalArn": ROLE}))
    assert not denied(POLICY, of_rule(RULE))
    assert not missing(POLICY, [of_rule(RULE)])
    for other in (
        send(**{"aws:PrincipalArn": ADMINISTRATOR}),
        send(**{"aws:PrincipalArn": ROLE.replace("-dev-", "-prod-")}),
        of_rule(RULE.replace("-dev-", "-prod-")),
        of_rule(RULE.replace(HERE.account, "999999999999"), "999999999999"),
        send(),
    ):
        assert denied(POLICY, other) == ["DenyOtherSenders"], other


@pytest.mark.parametrize("caller", [ADMINISTRATOR, ROLE.replace("-dev-", "-prod-")])
@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"])
def test_only_the_function_receives_events(caller: str, action: str) -> None:
    need = Need(
        why="events",
        action=f"sqs:{action}",
        resource=EVENTS_QUEUE,
        context={**TLS, "aws:PrincipalArn": caller},
    )
    assert denied(POLICY, need) == ["DenyOtherConsumers"]


def test_events_are_refused_without_tls() -> None:
    need = send(**{"aws:PrincipalArn": ROLE, "aws:SecureTransport": "false"})
    assert denied(POLICY, need) == ["DenyWithoutTls"]


def test_eventbridge_uses_the_stages_key_for_the_events_queue_alone(dev: Recorder) -> None:
    key = statement(dev.only("kms/key:Key").document("policy"), "Events")
    assert key["Principal"] == {"Service": "events.amazonaws.com"}
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert key["Condition"] == {"StringEquals": {"kms:EncryptionContext:aws:sqs:arn": EVENTS_QUEUE}}


def test_a_stage_that_follows_no_tasks_has_what_it_had(stack: Stack) -> None:
    recorder = stack("dev", outcomes="false")
    assert not [one for one in recorder.resources if one.type.startswith("cloudwatch/event")]
    assert not recorder.all("cloudwatch/dashboard:Dashboard")
    assert {one.name for one in recorder.all("sqs/queue:Queue")} == {
        "ecs-run-task-dev",
        "ecs-run-task-dev-dlq",
    }
    assert len(recorder.all("lambda/eventSourceMapping:EventSourceMapping")) == 1
    sids = {entry["Sid"] for entry in recorder.only("kms/key:Key").document("policy")["Statement"]}
    assert "Events" not in sids
