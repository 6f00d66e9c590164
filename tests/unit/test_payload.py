"""The payload: what is stored for a task, under which name, and when."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from function.failures.reasons import RetryableFailure
from function.message.builder import read
from function.message.payload import payload_of
from function.message.payload_store import PayloadStore
from tests.unit.fakes import MESSAGE, FakeClock, Rig, client_error, message, rejection, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

BUCKET = "ecs-run-task-dev-payloads-1234567"
CANARY = "c4n4ry-value"
URI, SHA256 = "ECS_RUN_TASK_PAYLOAD_URI", "ECS_RUN_TASK_PAYLOAD_SHA256"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text('aü"\\\n', max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=8,
)


def rig(**changes: Any) -> Rig:
    return Rig(settings=settings(PAYLOAD_BUCKET=BUCKET), **changes)


def variables(call: dict[str, Any], container: int = 0) -> dict[str, str]:
    found = call["overrides"]["containerOverrides"][container]["environment"]
    return {one["name"]: one["value"] for one in found}


def refused(body: str) -> tuple[str, str]:
    failure = rejection(body, settings(PAYLOAD_BUCKET=BUCKET))
    assert failure is not None
    return failure.reason, failure.error


def overriding(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"containerOverrides": list(containers)}


def test_the_only_container_gets_uri_and_hash_of_what_is_stored() -> None:
    one = rig()
    assert one.run(message(payload={"b": [1, None], "a": "ü", "c": {"d": None}})) == []
    content = '{"a":"ü","b":[1,null],"c":{"d":null}}'.encode()
    ((name, stored),) = one.s3.objects.items()
    assert stored == content
    digest = hashlib.sha256(b"message-0\0" + content).hexdigest()[:32]
    assert name == f"payloads/message-0/{digest}"
    (call,) = one.ecs.calls
    assert "payload" not in call
    assert call["overrides"]["containerOverrides"][0]["name"] == "main"
    assert variables(call) == {
        URI: f"s3://{BUCKET}/{name}",
        SHA256: hashlib.sha256(content).hexdigest(),
    }


def test_every_overridden_container_gets_them_beside_its_own_variables() -> None:
    one = rig()
    own = {"name": "TZ", "value": "UTC"}
    containers = overriding({"name": "a", "environment": [own]}, {"name": "b", "cpu": 5})
    one.run(message(payload="x", overrides=containers))
    (call,) = one.ecs.calls
    assert variables(call).keys() == {"TZ", URI, SHA256}
    assert variables(call, 1).keys() == {URI, SHA256}
    assert one.ecs.lookups == []


def test_the_flat_form_has_a_payload_too() -> None:
    one = rig()
    network = {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}
    flat = {"cluster": "batch", "task_def": "report:7", "launchType": "FARGATE", **network}
    assert one.run(json.dumps({**flat, "payload": "text"})) == []
    assert list(one.s3.objects.values()) == [b"text"]
    assert variables(one.ecs.calls[0]).keys() == {URI, SHA256}


@pytest.mark.parametrize(
    ("value", "content", "content_type"),
    [
        ("text\nü", "text\nü".encode(), "text/plain; charset=utf-8"),
        ("", b"", "text/plain; charset=utf-8"),
        ([1.5, True], b"[1.5,true]", "application/json"),
        (False, b"false", "application/json"),
        ({}, b"{}", "application/json"),
    ],
)
def test_text_is_stored_as_it_is_and_all_else_as_json(
    value: object, content: bytes, content_type: str
) -> None:
    one = rig()
    assert one.run(message(payload=value)) == []
    (put,) = one.s3.calls
    assert (put["Body"], put["ContentType"]) == (content, content_type)
    assert (put["Bucket"], put["ExpectedBucketOwner"]) == (BUCKET, "111111111111")
    assert base64.b64decode(put["ChecksumSHA256"]) == hashlib.sha256(content).digest()


def test_a_null_is_no_payload() -> None:
    one = rig()
    assert one.run(message(payload=None)) == []
    assert one.s3.calls == []
    assert "overrides" not in one.ecs.calls[0]


@given(JSON)
def test_a_payload_is_what_was_sent_and_the_same_for_every_delivery(value: Any) -> None:
    first, second = payload_of(value, BUCKET), payload_of(json.loads(json.dumps(value)), BUCKET)
    assert first == second
    assert first.object_key("k") == second.object_key("k") != first.object_key("l")
    text = first.content.decode()
    assert (text if isinstance(value, str) else json.loads(text)) == value


def test_a_redelivery_makes_the_same_call_and_the_same_object() -> None:
    one = rig()
    one.ecs.script = [client_error("ThrottlingException", "slow")]
    assert one.run(message(payload=[CANARY]))
    assert one.run(message(payload=[CANARY]), receives=2) == []
    assert one.ecs.calls[0]["overrides"] == one.ecs.calls[1]["overrides"]
    assert len(one.s3.objects) == 1


def test_a_payload_of_half_a_megabyte_does_not_count_as_overrides() -> None:
    one = rig()
    assert one.run(message(payload="x" * 500_000)) == []
    assert one.ecs.count == 1


def test_the_two_variables_count_as_overrides() -> None:
    def command(length: int) -> str:
        return message(payload="x", overrides=overriding({"name": "a", "command": ["x" * length]}))

    assert rejection(command(7_800), settings(PAYLOAD_BUCKET=BUCKET)) is None
    reason, error = refused(command(7_950))
    assert reason == "over-limit"
    assert "ECS.overrides: expected at most 8192" in error


def test_another_payload_is_another_request() -> None:
    by = settings(PAYLOAD_BUCKET=BUCKET)
    values: tuple[Any, ...] = ("{}", {}, "x", ["x"])
    digests = {read(message(payload=value), by).digest() for value in values}
    digests.add(read(message(), by).digest())
    assert len(digests) == 5


def test_a_key_with_another_payload_is_reused() -> None:
    one = rig()
    one.run(message(payload="one"), attributes={"key": "k"})
    one.run(message(payload="two"), attributes={"key": "k"})
    assert one.dead_letters[0]["reason"] == "key-reused"
    assert one.ecs.count == 1


@pytest.mark.parametrize("name", [URI, SHA256])
def test_a_message_may_not_set_the_variables_itself(name: str) -> None:
    own = [{"name": "A", "value": "b"}, {"name": name, "value": CANARY}]
    body = message(payload="x", overrides=overriding({"name": "main", "environment": own}))
    reason, error = refused(body)
    assert reason == "bad-value"
    assert error.startswith(
        f"ECS.overrides.containerOverrides[0].environment[1].name: {name} is set by the kit"
    )
    flat = {"cluster": "batch", "task_def": "report", "environment": own, "payload": "x"}
    assert refused(json.dumps(flat))[1].startswith("ECS.environment[1].name: ")


@pytest.mark.parametrize("value", ['"\\ud800"', "[NaN]", '{"a": "\\udfff"}', "Infinity"])
def test_what_has_no_bytes_is_rejected(value: str) -> None:
    body = json.dumps({"ECS": {**MESSAGE, "payload": 0}}).replace(
        '"payload": 0', f'"payload": {value}'
    )
    assert refused(body)[0] == "bad-value"


def test_without_the_option_a_payload_is_not_allowed() -> None:
    one = Rig()
    one.run(message(payload=CANARY))
    assert one.s3.calls == []
    assert one.dead_letters[0]["reason"] == "not-allowed"
    assert one.dead_letters[0]["error"] == (
        "ECS.payload: found a payload; allowed: nothing; to allow it, set Pulumi.dev.yaml:"
        " ecs-run-task:payloads: true"
    )


def test_several_essential_containers_have_to_be_named() -> None:
    one = rig()
    one.ecs.containers = [{"name": "a"}, {"name": "b"}]
    one.run(message(payload="x"))
    assert one.dead_letters[0]["reason"] == "container-ambiguous"
    assert one.s3.calls == []


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (client_error("AccessDenied", f"no {CANARY}", "PutObject", 403), "AccessDenied"),
        (client_error(f"<{CANARY}>", "no", "PutObject"), "ClientError"),
        (EndpointConnectionError(endpoint_url="https://s3"), "EndpointConnectionError"),
    ],
)
def test_if_s3_does_not_take_it_the_message_returns(error: Exception, cause: str) -> None:
    one = rig()
    one.s3.error = error
    assert one.run(message(payload=CANARY)) == ["message-0"]
    assert one.ecs.calls == []
    assert one.logs[-1]["reason"] == "payload-unavailable"
    assert one.logs[-1]["error"] == f"S3 did not take the payload: {cause}"
    one.s3.error = None
    assert one.run(message(payload=CANARY), receives=2) == []
    assert one.ecs.count == 1


def test_a_message_that_is_held_stores_nothing() -> None:
    one = rig()
    one.ecs.always = "RESOURCE:CPU"
    one.handle(*(one.record(message(payload="x"), number) for number in range(4)))
    assert len(one.s3.calls) == len(one.ecs.calls) < 4


def test_an_invalid_message_stores_nothing() -> None:
    one = rig()
    one.run(message(payload="x", cluster="other"))
    assert one.s3.calls == []


def test_a_slow_store_leaves_time_for_the_launch_or_returns_the_message() -> None:
    one = rig()

    def slow() -> None:
        one.clock.sleep(55)

    one.s3.before_call = slow
    assert one.run(message(payload="x")) == ["message-0"]
    assert one.ecs.calls == []
    assert one.logs[-1]["reason"] == "not-attempted"


PAYLOADS: tuple[object, ...] = (
    CANARY,
    f"a long text with {CANARY}" + "x" * 2_000,
    [CANARY],
    {"name": CANARY, "environment": {"name": [CANARY]}},
    {CANARY: 1},
)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("code", ["InvalidParameterException", "AccessDeniedException"])
def test_no_part_of_a_payload_is_quoted(
    capsys: pytest.CaptureFixture[str], code: str, payload: object
) -> None:
    one = rig()
    one.ecs.always = client_error(code, f"refused {CANARY} and {json.dumps(payload)} here")
    one.run(message(payload=payload))
    one.run(message(payload=payload), age=400_000)
    assert "refused" in one.dead_letters[0]["error"]
    for sent in one.sqs.sent:
        del sent["MessageBody"]
    output = capsys.readouterr()
    left = (
        one.log_text.getvalue(),
        output.out,
        output.err,
        repr(one.sqs.sent),
        repr(one.sns.published),
        repr(list(one.s3.objects)),
        repr(one.table.items),
        repr(one.ecs.calls),
    )
    assert one.sns.published
    assert "c4n4ry" not in "".join(left)


def test_a_payload_is_not_in_its_representation() -> None:
    assert CANARY not in repr(read(message(payload=CANARY), settings(PAYLOAD_BUCKET=BUCKET)))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


def test_s3_takes_the_call(s3: S3Client) -> None:
    s3.create_bucket(Bucket=BUCKET)
    store = PayloadStore(s3=s3, account="123456789012", clock=FakeClock())
    payload = payload_of(["ü"], BUCKET)
    store.store(payload, "k", deadline=2_000)
    store.store(payload, "k", deadline=2_000)
    found = s3.get_object(Bucket=BUCKET, Key=payload.object_key("k"))
    assert found["Body"].read() == b'["\xc3\xbc"]'
    assert found["ContentType"] == "application/json"


def test_a_bucket_that_is_missing_makes_a_payload_unavailable(s3: S3Client) -> None:
    store = PayloadStore(s3=s3, account="123456789012", clock=FakeClock())
    with pytest.raises(RetryableFailure, match=r"payload-unavailable: .*: NoSuchBucket"):
        store.store(payload_of("x", BUCKET), "k", deadline=2_000)
