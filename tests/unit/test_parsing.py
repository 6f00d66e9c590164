from __future__ import annotations

import json

import pytest

from function.message.builder import read
from function.message.parsing import load
from tests.unit.fakes import MESSAGE, message, rejected, rejection, settings


def test_the_wrapper_may_be_left_out() -> None:
    assert read(json.dumps(MESSAGE), settings()) == read(message(), settings())


def test_a_dict_literal_with_apostrophes_is_parsed_where_it_is_switched_on() -> None:
    overrides = {"containerOverrides": [{"name": "main", "command": ["echo", "it's über"]}]}
    body = str({"ECS": {**MESSAGE, "overrides": overrides}})

    request = read(body, settings(PYTHON_LITERALS="true"))

    failure = rejected(body)
    assert failure.reason == "not-json"
    assert "pythonLiterals" in failure.error

    assert request.parameters["overrides"] == overrides


def test_a_null_counts_as_missing() -> None:
    body = message(overrides=None, service=None, tags=None)

    assert read(body, settings()) == read(message(), settings())


HOSTILE = (
    "{'a': 0x" + "f" * 5000 + "}",
    "{'a': 1" + "0" * 21 + "}",
    "{'a': b'x'}",
    "{'a': 1j}",
    "{'a': {1, 2}}",
    "{'a': -'x'}",
    "{'a': 1 + 1}",
    "{'a': ...}",
    "{'a': [" + "0," * 11_000 + "]}",
    "{'a': " + "[" * 60 + "]" * 60 + "}",
    "{'a': " + "(" * 20_000 + "}",
    "{**{}}",
    "{1: 2}",
    "{'a', 'b'}",
    "{'a': print}",
    "{'a': f'{1}'}",
    "{'a': '\x00'",
)


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_literal_that_is_not_plain_values_of_bounded_size_is_rejected(body: str) -> None:
    failure = rejection(body, settings(PYTHON_LITERALS="true"))

    assert failure is not None
    assert failure.reason == "not-json"


def test_a_literal_may_hold_every_plain_value() -> None:
    found = load(str({"a": [1, -2.5, True, None, ("x", {})]}), python_literals=True)

    assert found == {"a": [1, -2.5, True, None, ["x", {}]]}


ENVELOPES = {
    "raw message delivery": {"Type": "Notification", "TopicArn": "arn:x", "Message": "{}"},
    "input transformer on the rule": {"version": "0", "detail-type": "x", "detail": {}},
    "send it to EventBridge": {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
    "S3 test event": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"},
    "enable raw message delivery": {"Records": [{"EventSource": "aws:sns", "Sns": {}}]},
}


@pytest.mark.parametrize("cure", ENVELOPES)
def test_the_notification_of_a_service_is_rejected_with_what_to_configure(cure: str) -> None:
    failure = rejected(json.dumps(ENVELOPES[cure]))

    assert failure.reason == "envelope"
    assert cure in failure.error


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not-json"),
        ("hello", "not-json"),
        ('{"ECS": ', "not-json"),
        ("{'ECS': __import__('os')}", "not-json"),
        ("{" * 50_000, "not-json"),
        ("[" * 50_000, "not-json"),
        ('{"a":' * 50_000, "not-json"),
        ("{1:" + "-" * 60_000 + "1}", "not-json"),
        ("{1:" + "1+" * 30_000 + "1}", "not-json"),
        ('{"a": ' + "9" * 5_000 + "}", "not-json"),
        ("{'a': " + "x" * 70_000, "not-json"),
        ("null", "not-an-object"),
        ("3", "not-an-object"),
        ('["ECS"]', "not-an-object"),
        ('"ECS"', "not-an-object"),
        ('{"ECS": null}', "not-an-object"),
        ('{"ECS": [1]}', "not-an-object"),
        ('{"ECS": {}, "overrides": {}}', "unknown-parameter"),
        ("{}", "missing-parameter"),
    ],
)
def test_a_body_that_is_not_a_message_is_rejected_with_its_reason(body: str, reason: str) -> None:
    assert rejected(body).reason == reason


def test_a_body_of_a_mebibyte_is_parsed_fast_enough_to_be_rejected() -> None:
    assert rejected("{'" + "x" * 1_048_570 + "'").reason == "not-json"
    assert rejected(json.dumps({"x" * 1_048_000: 1})).reason == "missing-parameter"
