"""Events of AWS services as bodies: what a template makes of them, and the key that they have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.message.envelopes import Event, event_of
from function.message.idempotency import valid_key
from tests.unit.fakes import Rig, settings, token

ALL = ("eventbridge", "s3", "sns")
TOPIC = "arn:aws:sns:eu-central-1:111111111111:jobs"
UUID = "95df01b4-ee98-5cb9-9903-4c221d41eb5e"

CALL = (
    "cluster: 'batch', taskDefinition: 'report:7', launchType: 'FARGATE', networkConfiguration:"
    " {awsvpcConfiguration: {subnets: ['subnet-1'], securityGroups: ['sg-1']}}"
)


def template(value: str, more: str = "") -> str:
    container = f"{{name: 'main', environment: [{{name: 'INPUT', value: {value}}}]}}"
    return f"{{{CALL}, overrides: {{containerOverrides: [{container}]}}{more}}}"


TEMPLATES = {
    "s3": template("join('/', [s3.bucket.name, s3.object.key])"),
    "sns": template("Message.month || Message"),
    "eventbridge": template("detail.month"),
}


def rig(templates: dict[str, str] | None = None) -> Rig:
    text = json.dumps(TEMPLATES if templates is None else templates)
    return Rig(settings=settings(TEMPLATES=text))


def s3(key: str = "in/red+flower%C3%BC.jpg", **changes: Any) -> dict[str, Any]:
    stored = {"key": key, "size": 5, "versionId": "v1", "sequencer": "0055AED6DCD90281E5"}
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventTime": "2026-11-24T10:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
                "s3": {"bucket": {"name": "inbox"}, "object": {**stored, **changes}},
            }
        ]
    }


def sns(message: object, **changes: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {
        "Type": "Notification",
        "MessageId": UUID,
        "TopicArn": TOPIC,
        "Message": text,
        **changes,
    }


def eventbridge(**detail: Any) -> dict[str, Any]:
    return {"version": "0", "id": UUID, "detail-type": "Order", "source": "shop", "detail": detail}


def made(body: dict[str, Any], one: Rig | None = None) -> tuple[str, str]:
    """Return the key and the variable of the task that an event starts."""
    one = one or rig()
    assert one.run(json.dumps(body)) == []
    assert one.dead_letters == []
    (call,) = one.ecs.calls
    key = call["startedBy"].rpartition("/")[2]
    assert call["clientToken"] == token(key)
    return key, call["overrides"]["containerOverrides"][0]["environment"][0]["value"]


def key_of(body: dict[str, Any]) -> str | None:
    event = event_of(body, ALL)
    assert event is not None
    return event.key


def test_an_event_of_s3_starts_a_task_with_the_decoded_name() -> None:
    key, value = made(s3())
    assert value == "inbox/in/red flowerü.jpg"
    assert key.startswith("s3-")


def test_an_event_of_s3_through_sns_is_the_same_event() -> None:
    assert made(sns(s3())) == made(s3())


def test_without_a_template_for_s3_a_topic_passes_it_as_a_message() -> None:
    one = rig({"sns": template("Message.Records[0].s3.bucket.name")})
    assert made(sns(s3()), one) == (UUID, "inbox")


@pytest.mark.parametrize(
    ("message", "value"),
    [({"month": "2026-10"}, "2026-10"), ("plain text", "plain text"), ("null", "null")],
)
def test_a_notification_of_sns_is_parsed_if_it_is_json(message: object, value: str) -> None:
    assert made(sns(message)) == (UUID, value)


def test_an_event_of_eventbridge_has_its_id_as_key() -> None:
    assert made(eventbridge(month="2026-10")) == (UUID, "2026-10")


def test_the_key_of_the_sender_wins() -> None:
    one = rig()
    one.run(json.dumps(eventbridge(month="x")), attributes={"key": "mine"})
    assert one.ecs.calls[0]["startedBy"].endswith("/mine")


def test_the_key_of_a_publisher_wins() -> None:
    attributes = {"key": {"Type": "String", "Value": "published"}}
    assert made(sns("x", MessageAttributes=attributes))[0] == "published"


def test_an_event_that_is_delivered_twice_starts_one_task() -> None:
    one = rig()
    body = json.dumps(s3())
    assert one.handle(one.record(body, 1)) == []
    assert one.handle(one.record(body, 2)) == []
    assert one.ecs.count == 1


def test_a_rejected_event_keeps_its_key() -> None:
    one = rig({"eventbridge": template("detail.month", ", count: `99`")})
    one.run(json.dumps(eventbridge(month="x")))
    (letter,) = one.dead_letters
    assert letter["key"] == UUID
    assert (letter["reason"], letter["redrivable"]) == ("template", "true")
    assert letter["error"] == (
        "Pulumi.dev.yaml: ecs-run-task:templates: eventbridge: the request that it makes:"
        " ECS.count: expected a whole number from 1 to 10, got the number 99"
    )


def test_an_event_may_ask_for_no_more_than_a_message() -> None:
    one = rig({"eventbridge": f"{{{CALL}, overrides: {{taskRoleArn: 'admin'}}}}"})
    one.run(json.dumps(eventbridge()))
    assert one.dead_letters[0]["reason"] == "not-allowed"


def test_an_event_without_a_template_is_rejected_as_before() -> None:
    one = rig({"sns": TEMPLATES["sns"]})
    one.handle(one.record(json.dumps(s3()), 1), one.record(json.dumps(eventbridge()), 2))
    assert [letter["reason"] for letter in one.dead_letters] == ["envelope"] * 2
    assert [letter["key"] for letter in one.dead_letters] == ["message-1", "message-2"]


def test_several_records_are_rejected_with_words() -> None:
    body = s3()
    body["Records"] *= 2
    one = rig()
    one.run(json.dumps(body))
    assert one.dead_letters[0]["reason"] == "envelope"
    assert "with 2 records; expected one" in one.dead_letters[0]["error"]


S3_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"}


@pytest.mark.parametrize("body", [S3_TEST, sns(S3_TEST)])
def test_a_test_event_of_s3_is_dropped_where_s3_is_expected(body: dict[str, Any]) -> None:
    one = rig()
    assert one.run(json.dumps(body)) == []
    assert one.dead_letters == []
    assert one.sns.published == []
    assert [line["message"] for line in one.logs] == ["S3 test event dropped"]


def test_a_test_event_of_s3_is_rejected_where_s3_is_not_expected() -> None:
    one = rig({"sns": TEMPLATES["sns"]})
    one.run(json.dumps(S3_TEST))
    assert one.dead_letters[0]["reason"] == "envelope"


def test_a_request_beside_templates_is_read_as_it_is() -> None:
    one = rig()
    content = {"ECS": {"detail-type": "x", "detail": {}}}
    one.run(json.dumps(content))
    assert one.dead_letters[0]["reason"] in {"unknown-parameter", "missing-parameter"}


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "1", '{"Records": [1]}', '{"Message": 5}'])
def test_what_is_no_event_is_processed_as_a_message(body: str) -> None:
    one = rig()
    assert one.run(body) == []
    assert len(one.dead_letters) == 1


CANARY = "c4n4ry-value"


@pytest.mark.parametrize(
    "body", [s3(CANARY), sns({"month": CANARY}), sns(CANARY), eventbridge(month=CANARY)]
)
def test_what_becomes_the_environment_is_secret(
    body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.unit.fakes import client_error  # noqa: PLC0415

    one = rig()
    one.ecs.always = client_error("InvalidParameterException", f"refused inbox/{CANARY} here")
    one.run(json.dumps(body))
    assert "refused" in one.dead_letters[0]["error"]
    for sent in one.sqs.sent:
        del sent["MessageBody"]
    left = one.log_text.getvalue() + repr(one.sqs.sent) + repr(one.sns.published)
    assert "c4n4ry" not in left + capsys.readouterr().out


def test_events_of_s3_that_differ_have_different_keys() -> None:
    events = [
        s3(),
        s3("other"),
        s3(versionId="v2"),
        s3(sequencer="0055AED6DCD90281E6"),
        s3(sequencer=None),
    ]
    later = s3(sequencer=None)
    later["Records"][0]["eventTime"] = "2026-11-24T10:00:01.000Z"
    keys = [key_of(event) for event in [*events, later]]
    assert len(set(keys)) == len(keys)
    assert key_of(s3()) == key_of(json.loads(json.dumps(s3())))


@given(st.text() | st.none() | st.integers())
def test_every_key_of_an_event_is_valid(name: Any) -> None:
    bodies: list[dict[str, Any]] = [
        s3(name),
        {**sns("x"), "MessageId": name},
        {**eventbridge(), "id": name},
    ]
    for body in bodies:
        key = key_of(body)
        assert key is None or valid_key(key)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(
            ["Records", "eventSource", "s3", "object", "key", "bucket", "Message", "TopicArn",
             "Type", "MessageId", "MessageAttributes", "Value", "detail", "detail-type", "id"]
        ),
        inner | st.sampled_from(["aws:s3", "Notification"]),
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["Records", "Message", "TopicArn", "id", "detail"]), JSON))
def test_recognising_an_event_never_fails(body: dict[str, Any]) -> None:
    assert event_of(body, ALL) is None or isinstance(event_of(body, ALL), Event)
