"""The option `templates`: what is checked before a deployment, and what an expression makes."""

from __future__ import annotations

import json

import pytest

from function.failures.reasons import PermanentFailure
from function.message.templates import TemplateError, check_templates, request_of


def problem(text: str) -> str:
    with pytest.raises(TemplateError) as error:
        check_templates(text)
    return str(error.value)


def failure(expression: str, event: dict[str, object]) -> str:
    with pytest.raises(PermanentFailure) as caught:
        request_of("s3", event, {"s3": expression}, "dev")
    assert caught.value.reason == "template"
    assert caught.value.redrivable
    return caught.value.error


def test_valid_expressions_are_returned_by_source() -> None:
    text = json.dumps({"s3": "{taskDefinition: 'report'}", "sns": "Message", "eventbridge": "@"})
    assert check_templates(text) == json.loads(text)
    assert check_templates("{}") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "expected a JSON object of expressions: "),
        ("[]", "expected a JSON object of expressions, got a list"),
        ('{"s4": "@"}', "s4: unknown kind of event; expected one of eventbridge, s3, sns"),
        ('{"s3": {}}', "s3: expected the text of a JMESPath expression, got an object"),
        ('{"s3": ""}', "s3: not a JMESPath expression: "),
        ('{"s3": "{a: "}', "s3: not a JMESPath expression: "),
        ('{"s3": "{a: concat(x)}"}', "s3: concat(): JMESPath has no such function"),
        ('{"s3": "{a: join(x)}"}', "s3: join(): expected 2 arguments, got 1"),
        ('{"s3": "{a: keys(x, y)}"}', "s3: keys(): expected 1 arguments, got 2"),
        ('{"s3": "[", "sns": 1}', "; sns: expected the text of a JMESPath expression, got a"),
    ],
)
def test_an_invalid_option_is_named_with_what_is_wrong(text: str, expected: str) -> None:
    found = problem(text)
    assert expected in found
    assert "\n" not in found


def test_an_expression_nested_too_deeply_is_invalid() -> None:
    assert "s3: " in problem(json.dumps({"s3": "[" * 100_000}))


def test_every_variadic_function_is_known_as_one() -> None:
    assert check_templates("""{"s3": "{a: not_null(a, b, 'c'), b: merge(@, @)}"}""")


def test_an_expression_makes_the_request() -> None:
    expression = "{taskDefinition: 'report', tags: [{key: 'size', value: to_string(size)}]}"
    assert request_of("s3", {"size": 5}, {"s3": expression}, "dev") == {
        "taskDefinition": "report",
        "tags": [{"key": "size", "value": "5"}],
    }


@pytest.mark.parametrize(
    ("expression", "kind"), [("x", "null"), ("a", "a text"), ("[a]", "a list")]
)
def test_what_is_no_object_is_named(expression: str, kind: str) -> None:
    assert failure(expression, {"a": "secret-value"}) == (
        "Pulumi.dev.yaml: ecs-run-task:templates: s3: expected an object, the request; for this"
        f" event it makes {kind}"
    )


def test_a_value_of_the_wrong_type_is_not_quoted() -> None:
    text = failure("{a: join('', [name, size])}", {"name": "secret-value", "size": 5})
    assert text.endswith(
        "s3: the expression fails for this event: join(): expected array-string, got int"
    )


def test_a_slice_without_a_step_fails_as_a_template() -> None:
    assert failure("{a: list[::0]}", {"list": ["secret-value"]}).endswith("ValueError")
