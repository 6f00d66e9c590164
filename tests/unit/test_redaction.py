"""No value of an override's environment or command leaves the handler, except to RunTask."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from function.message.quotable import secrets_of
from function.message.redaction import redact
from function.observability import make_logger
from tests.unit.fakes import MESSAGE, Rig, client_error, message, settings

CANARY = 'c4n4ry-"va\'lue"\\é'
ARGUMENT = "argument-c4n4ry"
NUMBER = 987_654_321

OVERRIDES: dict[str, Any] = {
    "containerOverrides": [
        {
            "name": "main",
            "environment": [{"name": "PASSWORD", "value": CANARY}],
            "command": ["login", ARGUMENT],
        }
    ]
}
GOOD = message(overrides=OVERRIDES)

QUOTED = (
    CANARY,
    json.dumps(CANARY),
    json.dumps(CANARY, ensure_ascii=False),
    repr(CANARY),
    f"[{ARGUMENT}]",
    f"the request {json.dumps(OVERRIDES)} was refused",
    CANARY[:10] + "...",
    f"{CANARY}{CANARY}",
)

BODIES = (
    GOOD,
    GOOD.replace("ECS", "ecs"),
    str({"ECS": {**MESSAGE, "overrides": OVERRIDES}}),
    message(cluster=ARGUMENT, overrides=OVERRIDES),
    message(overrides={**OVERRIDES, "cpu": 5}),
    message(overrides={"containerOverrides": [{"environment": {"PASSWORD": CANARY}}]}),
    message(overrides={"containerOverrides": [{"environment": CANARY}]}),
    message(overrides={"containerOverrides": [{"command": ARGUMENT}]}),
    message(overrides={"containerOverrides": [{"environment": [{"name": "A", "value": NUMBER}]}]}),
    message(overrides={"containerOverrides": [{"command": [ARGUMENT, NUMBER, CANARY]}]}),
    message(overrides={"containerOverrides": [{"command": [ARGUMENT + "x" * 9000]}]}),
    message(overrides=OVERRIDES, service="missing", networkConfiguration=None),
    json.dumps(
        {
            "cluster": "batch",
            "task_def": "report",
            "environment": [{"Name": "A", "Value": CANARY}],
            "command": [ARGUMENT],
        }
    ),
    json.dumps({"task_def": "report", "environment": {"A": NUMBER}, "command": {"x": CANARY}}),
    GOOD[:-1],
    "x" + GOOD,
)


def forbidden(text: str) -> list[str]:
    """Return the canaries that a text contains."""
    return [part for part in ("c4n4ry", str(NUMBER)) if part in text]


def leaked(rig: Rig, capsys: pytest.CaptureFixture[str]) -> str:
    """Return everything that left the handler, except to RunTask and in bodies."""
    for sent in rig.sqs.sent:
        del sent["MessageBody"]
    output = capsys.readouterr()
    return "".join(
        (
            rig.log_text.getvalue(),
            output.out,
            output.err,
            repr(rig.sqs.sent),
            repr(rig.sns.published),
        )
    )


@pytest.mark.parametrize("text", QUOTED)
@pytest.mark.parametrize(
    "code",
    [
        "InvalidParameterException",
        "ClientException",
        "AccessDeniedException",
        "ThrottlingException",
    ],
)
def test_an_aws_error_that_quotes_the_request_leaks_nothing(
    capsys: pytest.CaptureFixture[str], code: str, text: str
) -> None:
    rig = Rig()
    rig.ecs.always = client_error(code, f"refused {text} of the request")

    rig.run(GOOD)
    rig.run(GOOD, age=400_000)

    assert rig.sqs.sent
    assert "refused" in rig.dead_letters[0]["error"]
    assert not forbidden(leaked(rig, capsys))


@pytest.mark.parametrize("text", QUOTED)
def test_a_failure_that_quotes_the_request_leaks_nothing(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    rig = Rig()
    rig.ecs.always = text

    rig.run(GOOD)
    rig.run(GOOD, age=400_000)

    assert rig.sqs.sent
    assert not forbidden(leaked(rig, capsys))


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "failure",
    [
        None,
        "RESOURCE:CPU",
        ParamValidationError(report=f"Invalid value {CANARY!r}"),
        ValueError(CANARY),
        EndpointConnectionError(endpoint_url=CANARY),
    ],
)
def test_no_body_leaks_on_any_path(
    capsys: pytest.CaptureFixture[str], body: str, failure: Exception | str | None
) -> None:
    rig = Rig()
    rig.ecs.always = failure

    rig.run(body)
    rig.run(body, age=400_000)
    for broken in (rig.sqs, rig.sns):
        setattr(broken, "send_error", client_error("X", CANARY))  # noqa: B010
        setattr(broken, "error", client_error("X", CANARY))  # noqa: B010
    rig.sqs.visibility_error = client_error("X", CANARY)
    rig.run(body)

    assert not forbidden(leaked(rig, capsys))


def test_a_secret_as_the_name_of_an_unknown_parameter_is_masked() -> None:
    rig = Rig()

    rig.run(message(**{ARGUMENT: 1}, overrides=OVERRIDES))

    assert not forbidden(rig.dead_letters[0]["error"])


def test_the_libraries_do_not_log_requests_at_any_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    assert logging.getLogger("botocore.endpoint").isEnabledFor(logging.DEBUG)

    make_logger("dev", "DEBUG")

    for name in ("botocore", "botocore.endpoint", "boto3", "urllib3.connectionpool"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_a_short_value_is_masked_as_a_whole_word() -> None:
    assert redact("found 1, not 1024", ["1"]) == "found ***, not 1024"


def test_a_text_without_secrets_is_unchanged() -> None:
    secrets = secrets_of(GOOD, settings())

    assert redact("PASSWORD of main on batch", secrets) == "PASSWORD of main on batch"


def test_a_text_is_cut_and_valid_for_sqs() -> None:
    assert len(redact("x" * 5000, [])) == 1024
    assert redact("a\x00b\ud800c\ufffe", []) == "a\ufffdb\ufffdc\ufffd"


def test_redacting_a_mebibyte_of_secrets_is_fast() -> None:
    body = message(overrides={"containerOverrides": [{"command": ["y" * 9] * 90_000}]})

    start = time.process_time()
    redact("y" * 8000, secrets_of(body, settings()))

    assert time.process_time() - start < 2
