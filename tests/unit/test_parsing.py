from __future__ import annotations

import json

import pytest

from function.message.builder import read
from tests.unit.fakes import MESSAGE, message, rejected, settings


def test_the_wrapper_may_be_left_out() -> None:
    assert read(json.dumps(MESSAGE), settings()) == read(message(), settings())


def test_a_dict_literal_with_apostrophes_is_parsed() -> None:
    overrides = {"containerOverrides": [{"name": "main", "command": ["echo", "it's über"]}]}

    request = read(str({"ECS": {**MESSAGE, "overrides": overrides}}), settings())

    assert request.parameters["overrides"] == overrides


def test_a_null_counts_as_missing() -> None:
    body = message(overrides=None, service=None, tags=None)

    assert read(body, settings()) == read(message(), settings())


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
        ("{1: 2}", "not-an-object"),
        ("{'a', 'b'}", "not-an-object"),
        ('{"ECS": {}, "overrides": {}}', "unknown-parameter"),
        ("{}", "missing-parameter"),
    ],
)
def test_a_body_that_is_not_a_message_is_rejected_with_its_reason(body: str, reason: str) -> None:
    assert rejected(body).reason == reason


def test_a_body_of_a_mebibyte_is_parsed_fast_enough_to_be_rejected() -> None:
    assert rejected("{'" + "x" * 1_048_570 + "'").reason == "not-json"
    assert rejected(json.dumps({"x" * 1_048_000: 1})).reason == "missing-parameter"
