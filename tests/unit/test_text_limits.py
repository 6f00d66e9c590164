"""The limits of a body's text: what is exactly at a limit is read, what is beyond is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from function.failures.reasons import PermanentFailure
from function.limits import (
    MAX_LITERAL_DEPTH,
    MAX_LITERAL_LENGTH,
    MAX_LITERAL_NODES,
    MAX_NUMBER_DIGITS,
)
from function.message import literals
from function.message.parsing import describe, load, parse

if TYPE_CHECKING:
    from collections.abc import Callable


def nested(depth: int, before: str, after: str) -> str:
    return f"{{'a': {before * depth}1{after * depth}}}"


def of_length(length: int) -> str:
    return f"{{'a': '{'x' * (length - 9)}'}}"


def of_nodes(count: int) -> str:
    # The dict and the list are values, too.
    return f"{{'a': [{', '.join(['1'] * (count - 2))}]}}"


# The dict is at depth 0, so the number is at one more than the brackets around it.
LIMITS: list[tuple[Callable[[int], str], int]] = [
    (of_length, MAX_LITERAL_LENGTH),
    (of_nodes, MAX_LITERAL_NODES),
    (lambda depth: nested(depth - 1, "[", "]"), MAX_LITERAL_DEPTH),
    (lambda depth: nested(depth - 1, "{'a': ", "}"), MAX_LITERAL_DEPTH),
    (lambda depth: nested(depth - 1, "-", ""), MAX_LITERAL_DEPTH),
    (lambda digits: f"{{'a': {'9' * digits}}}", MAX_NUMBER_DIGITS),
]


@pytest.mark.parametrize(("text", "limit"), LIMITS)
def test_a_literal_at_a_limit_is_read_and_one_beyond_is_refused(
    text: Callable[[int], str], limit: int
) -> None:
    assert literals.read(text(limit))
    with pytest.raises(literals.LiteralRefusedError):
        literals.read(text(limit + 1))


def test_the_length_is_that_of_the_text() -> None:
    assert len(of_length(MAX_LITERAL_LENGTH)) == MAX_LITERAL_LENGTH
    # White space around it does not count.
    assert literals.read(f" {of_length(MAX_LITERAL_LENGTH)} ")


def test_a_number_of_json_has_the_same_limit() -> None:
    assert parse(f'{{"a": {"9" * MAX_NUMBER_DIGITS}}}') == {"a": int("9" * MAX_NUMBER_DIGITS)}
    with pytest.raises(PermanentFailure, match="expected JSON: a number with too many digits"):
        parse(f'{{"a": {"9" * (MAX_NUMBER_DIGITS + 1)}}}')


def test_literals_are_not_read_unless_they_are_asked_for() -> None:
    assert load("  {'a': 1}", python_literals=True) == {"a": 1}
    for read in (load, parse):
        with pytest.raises(PermanentFailure, match="pythonLiterals"):
            read("{'a': 1}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (-1.5, "the number -1.5"),
        (10**15 - 1, "the number 999999999999999"),
        (10**15, "the number with many digits"),
        (-(10**15), "the number with many digits"),
        ({}, "an object"),
        ([], "a list"),
        ("secret", "a string"),
        (b"", "another kind of value"),
    ],
)
def test_a_value_is_described_without_its_text(value: Any, text: str) -> None:
    assert describe(value) == text


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("1", "the body: expected an object, got the number 1"),
        ('{"ECS": []}', "ECS: expected an object, got a list"),
        ('{"ECS": {}, "a": 1}', "a: unknown parameter beside ECS; put everything inside it"),
        ("[" * 100_000, "the body: nested too deeply to be parsed"),
    ],
)
def test_an_error_names_the_place_and_what_is_expected(body: str, error: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        parse(body)
    assert failure.value.error == error
