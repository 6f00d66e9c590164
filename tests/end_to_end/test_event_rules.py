"""Rules of EventBridge and what the stages do with them: patterns, templates, rights, schedules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.emulator import Conditions, MissingPath
from tests.end_to_end.ecs_calls import (
    ACCOUNT,
    REGION,
    delivery_policy,
    drain,
    queue_of_rule,
    refused,
    started,
    statement,
    wait,
)
from tests.end_to_end.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator

PREFIX: Final = [{"prefix": "ecs-run-task/dev/"}]
RUNNING: Final = {"startedBy": PREFIX, "lastStatus": ["RUNNING"]}
STOPPED: Final = {"startedBy": PREFIX, "lastStatus": ["STOPPED"]}
TEMPLATE: Final = {
    "InputPathsMap": {
        "taskArn": "$.detail.taskArn",
        "version": "$.detail.version",
        "containers": "$.detail.containers",
        "startedAt": "$.detail.startedAt",
    },
    "InputTemplate": '{"event": "task", "taskArn": <taskArn>, "version": <version>, '
    '"containers": <containers>, "startedAt": <startedAt>}',
}
QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}"


@pytest.fixture(autouse=True)
def well_behaved(emulator: FaultyEmulator) -> Iterator[None]:
    yield
    emulator.set_conditions(Conditions())


@pytest.fixture
def sqs(emulator: FaultyEmulator) -> Any:
    return emulator.client("sqs", ACCOUNT, REGION)


@pytest.fixture
def events(emulator: FaultyEmulator) -> Any:
    return emulator.client("events", ACCOUNT, REGION)


def bodies(sqs: Any, url: str, count: int = 0) -> list[str]:
    """Return the bodies of a queue's messages, once there are so many."""
    assert wait_for(lambda: _waiting(sqs, url) >= count)
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return found


def started_by(key: str) -> str:
    return f"ecs-run-task/dev/{key}"


class TestPatterns:
    @pytest.mark.parametrize(
        ("name", "detail", "versions"),
        [
            ("prefix-and-list", {"startedBy": PREFIX, "lastStatus": ["RUNNING", "STOPPED"]}, 3),
            ("exists", STOPPED | {"startedAt": [{"exists": True}]}, 1),
            ("exists-not", STOPPED | {"startedAt": [{"exists": False}]}, 0),
            ("other-prefix", {"startedBy": [{"prefix": "ecs-run-task/prod/"}]}, 0),
            ("nested", STOPPED | {"containers": {"exitCode": [7]}}, 1),
            ("nested-other", STOPPED | {"containers": {"exitCode": [0]}}, 0),
        ],
    )
    def test_matches(
        self, emulator: FaultyEmulator, ecs: Any, name: str, detail: dict[str, Any], versions: int
    ) -> None:
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        url = queue_of_rule(emulator, name, detail)
        wait(ecs, started(ecs, startedBy=started_by(name)))

        assert wait_for(lambda: _waiting(sqs, url) >= versions)
        assert len(drain(sqs, url)) == versions


class TestTemplates:
    def test_text_is_quoted_and_a_list_is_inlined(
        self, emulator: FaultyEmulator, ecs: Any, sqs: Any
    ) -> None:
        url = queue_of_rule(emulator, "template", STOPPED, TEMPLATE)
        override = {"name": "app", "environment": [{"name": "TOKEN", "value": 'ca"nary'}]}

        overrides = {"containerOverrides": [override]}
        arn = started(ecs, startedBy=started_by("t"), overrides=overrides)
        wait(ecs, arn)
        (body,) = bodies(sqs, url, 1)

        event = json.loads(body)
        assert event.keys() == {"event", "taskArn", "version", "containers", "startedAt"}
        assert (event["taskArn"], event["version"]) == (arn, 6)
        assert event["containers"][0]["exitCode"] == 7
        assert "nary" not in body

    def test_event_without_a_template_has_the_environment_in_the_clear(
        self, emulator: FaultyEmulator, ecs: Any, sqs: Any
    ) -> None:
        url = queue_of_rule(emulator, "whole", STOPPED)
        override = {"name": "app", "environment": [{"name": "TOKEN", "value": "canary"}]}
        wait(
            ecs,
            started(ecs, startedBy=started_by("w"), overrides={"containerOverrides": [override]}),
        )
        (body,) = bodies(sqs, url, 1)
        assert "canary" in body

    @pytest.mark.parametrize(
        ("reading", "ends"),
        [
            (MissingPath.UNDELIVERED, []),
            (MissingPath.REMOVED, ['"startedAt": }']),
            (MissingPath.EMPTY, ['"startedAt": ""}']),
        ],
    )
    def test_missing_path(
        self,
        emulator: FaultyEmulator,
        ecs: Any,
        sqs: Any,
        reading: MissingPath,
        ends: list[str],
    ) -> None:
        first = {"startedBy": PREFIX, "lastStatus": ["PROVISIONING"]}
        url = queue_of_rule(emulator, f"missing-{reading}", first, TEMPLATE)
        emulator.set_conditions(Conditions(missing_path=reading))

        wait(ecs, started(ecs, startedBy=started_by("m")))

        assert [body.rpartition(", ")[2] for body in bodies(sqs, url, len(ends))] == ends


class TestDelivery:
    def test_twice_reversed_and_lost(self, emulator: FaultyEmulator, ecs: Any, sqs: Any) -> None:
        url = queue_of_rule(emulator, "badly", {"startedBy": PREFIX})
        emulator.set_conditions(Conditions(events_twice=True, events_reversed=True))

        wait(ecs, started(ecs, startedBy=started_by("b")))
        assert wait_for(lambda: _waiting(sqs, url) >= 12)
        order = [event["detail"]["version"] for event in drain(sqs, url)]
        assert order == sorted([*range(1, 7), *range(1, 7)], reverse=True)

        emulator.set_conditions(Conditions(lose_every=1))
        wait(ecs, started(ecs, startedBy=started_by("b")))
        assert drain(sqs, url) == []

    def test_rule_without_a_right_to_the_queue_delivers_nothing(
        self, emulator: FaultyEmulator, ecs: Any, sqs: Any
    ) -> None:
        url = queue_of_rule(emulator, "denied", STOPPED)
        other = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/other"
        policy = json.dumps(delivery_policy(f"{QUEUE}:denied", other))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

        wait(ecs, started(ecs, startedBy=started_by("d")))

        assert drain(sqs, url) == []

    def test_encrypted_queue_needs_the_right_to_its_key(
        self, emulator: FaultyEmulator, ecs: Any, sqs: Any
    ) -> None:
        kms = emulator.client("kms", ACCOUNT, REGION)
        url = queue_of_rule(emulator, "encrypted", STOPPED)
        owner = statement("kms:*")
        owner["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        policy = {"Version": "2012-10-17", "Statement": [owner]}
        key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": key})

        wait(ecs, started(ecs, startedBy=started_by("e")))
        assert drain(sqs, url) == []

        rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/encrypted"
        use = statement("kms:GenerateDataKey", "kms:Decrypt", ArnEquals={"aws:SourceArn": rule})
        use["Principal"] = {"Service": "events.amazonaws.com"}
        policy["Statement"] = [owner, use]
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
        wait(ecs, started(ecs, startedBy=started_by("e")))
        assert len(bodies(sqs, url, 1)) == 1


def _waiting(sqs: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_schedule_sends_its_constant_each_minute(
    emulator: FaultyEmulator, events: Any, sqs: Any
) -> None:
    rule = events.put_rule(Name="sweep", ScheduleExpression="rate(1 minute)")["RuleArn"]
    policy = json.dumps(delivery_policy(f"{QUEUE}:sweep", rule))
    url = sqs.create_queue(QueueName="sweep", Attributes={"Policy": policy})["QueueUrl"]
    target = {"Id": "queue", "Arn": f"{QUEUE}:sweep", "Input": '{"event": "sweep"}'}
    events.put_targets(Rule="sweep", Targets=[target])
    assert _waiting(sqs, url) == 0

    emulator.set_conditions(Conditions(minute_seconds=0.1))

    assert wait_for(lambda: _waiting(sqs, url) >= 2)
    events.disable_rule(Name="sweep")
    assert set(bodies(sqs, url)) == {'{"event": "sweep"}'}


def test_own_bus_has_rules_of_its_own_and_asks_for_the_right(
    as_role: Any, events: Any, sqs: Any
) -> None:
    events.create_event_bus(Name="results")
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/results"
    rule = events.put_rule(
        Name="all", EventBusName="results", EventPattern='{"source": ["ecs-run-task"]}'
    )["RuleArn"]
    policy = json.dumps(delivery_policy(f"{QUEUE}:results", rule))
    url = sqs.create_queue(QueueName="results", Attributes={"Policy": policy})["QueueUrl"]
    events.put_targets(
        Rule="all", EventBusName="results", Targets=[{"Id": "q", "Arn": f"{QUEUE}:results"}]
    )
    entry = {
        "EventBusName": "results",
        "Source": "ecs-run-task",
        "DetailType": "Finished",
        "Detail": '{"key": "k"}',
    }

    assert (
        as_role("events", statement("events:PutEvents", resource=arn)).put_events(Entries=[entry])[
            "FailedEntryCount"
        ]
        == 0
    )
    assert [event["detail"] for event in drain(sqs, url)] == [{"key": "k"}]

    other = statement("events:PutEvents", resource=f"{arn}-other")
    with refused("AccessDeniedException", "events:PutEvents"):
        as_role("events", other).put_events(Entries=[entry])
