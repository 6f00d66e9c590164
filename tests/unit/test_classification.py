from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from function.failures.classification import (
    RULES,
    Source,
    classify_error,
    classify_failures,
    may_have_launched,
)
from function.failures.reasons import (
    REASONS,
    FailureClass,
    PermanentFailure,
    RetryableFailure,
    make_failure,
)
from tests.unit.fakes import client_error

INVALID, ENVIRONMENT, TRANSIENT = FailureClass


@pytest.mark.parametrize(
    ("code", "text", "status", "reason", "failure_class"),
    [
        ("ThrottlingException", "Rate exceeded", 400, "throttled", TRANSIENT),
        ("TooManyRequestsException", "", 429, "throttled", TRANSIENT),
        ("RequestLimitExceeded", "Request limit exceeded.", 503, "throttled", TRANSIENT),
        (
            "InvalidParameterException",
            (
                "Error retrieving subnet information for [subnet-1]: Rate exceeded (ErrorCode:"
                " Throttling)"
            ),
            400,
            "throttled",
            TRANSIENT,
        ),
        (
            "InvalidParameterException",
            (
                "Error retrieving security group information for [sg-1]: Request limit exceeded."
                " (ErrorCode: RequestLimitExceeded)"
            ),
            400,
            "throttled",
            TRANSIENT,
        ),
        ("ServerException", "", 500, "server-error", TRANSIENT),
        ("Whatever", "", 502, "server-error", TRANSIENT),
        ("InternalFailure", "", 0, "server-error", TRANSIENT),
        (
            "ClientException",
            "You've reached the limit on the number of tasks you can run concurrently",
            400,
            "quota",
            TRANSIENT,
        ),
        (
            "ClientException",
            "Tasks provisioning capacity limit exceeded.",
            400,
            "provisioning",
            TRANSIENT,
        ),
        (
            "InvalidParameterException",
            "No Container Instances were found in your cluster.",
            400,
            "resource",
            TRANSIENT,
        ),
        ("ClientException", "Capacity is unavailable at this time", 400, "capacity", TRANSIENT),
        (
            "AccessDeniedException",
            "User: arn:aws:sts::1:x is not authorized to perform: ecs:RunTask on resource: y",
            400,
            "access-denied",
            ENVIRONMENT,
        ),
        (
            "ClientException",
            "User: x is not authorized to perform: iam:PassRole on resource: y",
            400,
            "access-denied",
            ENVIRONMENT,
        ),
        (
            "ClientException",
            ("ECS was unable to assume the role 'arn:x' that was provided for this task."),
            400,
            "role-not-assumable",
            ENVIRONMENT,
        ),
        (
            "InvalidParameterException",
            (
                "Unable to assume the service linked role. Please verify that the ECS service"
                " linked role exists."
            ),
            400,
            "role-not-assumable",
            ENVIRONMENT,
        ),
        ("ClusterNotFoundException", "Cluster not found.", 400, "cluster-not-found", ENVIRONMENT),
        ("BlockedException", "Your account has been blocked.", 400, "blocked", ENVIRONMENT),
        ("ExpiredTokenException", "", 400, "credentials", ENVIRONMENT),
        ("UnrecognizedClientException", "", 400, "credentials", ENVIRONMENT),
        ("SomethingNewException", "", 400, "unexpected", ENVIRONMENT),
        ("", "", 0, "unexpected", ENVIRONMENT),
        (
            "ClientException",
            "TaskDefinition not found.",
            400,
            "task-definition-not-found",
            INVALID,
        ),
        (
            "ClientException",
            "TaskDefinition is inactive",
            400,
            "task-definition-not-found",
            INVALID,
        ),
        ("ClientException", "something else", 400, "client-error", INVALID),
        (
            "InvalidParameterException",
            "The subnet ID 'subnet-1' does not exist",
            400,
            "invalid-parameter",
            INVALID,
        ),
        ("SerializationException", "", 400, "invalid-parameter", INVALID),
        ("PlatformUnknownException", "", 400, "unsupported", INVALID),
        ("PlatformTaskDefinitionIncompatibilityException", "", 400, "unsupported", INVALID),
        ("UnsupportedFeatureException", "", 400, "unsupported", INVALID),
    ],
)
def test_an_aws_error_has_its_reason(
    code: str, text: str, status: int, reason: str, failure_class: FailureClass
) -> None:
    error = client_error(code, text, status=status)
    assert isinstance(error, ClientError)

    found = classify_error(error)

    assert (found.reason, found.details.failure_class) == (reason, failure_class)
    assert found.error == f"RunTask {code}: {text}"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (["ATTRIBUTE", "RESOURCE:CPU"], "resource"),
        (["RESOURCE:CPU", "ATTRIBUTE"], "resource"),
        (["SOMETHING_NEW", "AGENT"], "agent"),
        (["SOMETHING_NEW", "LOCATION"], "placement"),
        (["MemberOf placement constraint unsatisfied.", "SOMETHING_NEW"], "placement"),
        (["EMPTY CAPACITY PROVIDER"], "resource"),
        (["NO ACTIVE INSTANCES"], "resource"),
        (["No Container Instances were found in your cluster."], "resource"),
        (["Tasks provisioning capacity limit exceeded."], "provisioning"),
    ],
)
def test_of_several_failures_the_most_patient_counts(found: list[str], reason: str) -> None:
    failure = classify_failures([{"reason": text} for text in found])

    assert failure.reason == reason
    assert all(text in failure.error for text in found)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error("ServerException", "", status=500), True),
        (client_error("Whatever", "", status=502), True),
        (client_error("Whatever", "", status=0), True),
        (client_error("ThrottlingException", "Rate exceeded"), False),
        (client_error("InvalidParameterException", "x (ErrorCode: InternalError)"), False),
        (ReadTimeoutError(endpoint_url="x"), True),
        (ConnectionClosedError(endpoint_url="x"), True),
        (ConnectTimeoutError(endpoint_url="x"), False),
        (EndpointConnectionError(endpoint_url="x"), False),
        (NoCredentialsError(), False),
    ],
)
def test_a_call_without_an_answer_may_have_launched(error: Any, *, expected: bool) -> None:
    assert may_have_launched(error) is expected


@pytest.mark.parametrize(
    ("text", "reason", "failure_class"),
    [
        ("RESOURCE:CPU", "resource", TRANSIENT),
        ("RESOURCE:MEMORY", "resource", TRANSIENT),
        ("RESOURCE:ENI", "resource", TRANSIENT),
        ("AGENT", "agent", TRANSIENT),
        (
            (
                "Capacity is unavailable at this time. Please try again later or in a different"
                " availability zone"
            ),
            "capacity",
            TRANSIENT,
        ),
        (
            "You've reached the limit on the number of tasks you can run concurrently",
            "quota",
            TRANSIENT,
        ),
        (
            "You\u2019ve reached the limit on the number of vCPUs you can run concurrently",
            "quota",
            TRANSIENT,
        ),
        ("ATTRIBUTE", "placement", ENVIRONMENT),
        ("LOCATION", "placement", ENVIRONMENT),
        ("SOMETHING_NEW", "unexpected", ENVIRONMENT),
    ],
)
def test_an_entry_of_failures_has_its_reason(
    text: str, reason: str, failure_class: FailureClass
) -> None:
    found = classify_failures([{"reason": text, "detail": "more"}])

    assert (found.reason, found.details.failure_class) == (reason, failure_class)
    assert found.error == f"RunTask failure {text}: more"


def test_a_response_with_neither_task_nor_failure_is_retried() -> None:
    assert classify_failures([]).reason == "server-error"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EndpointConnectionError(endpoint_url="x"), "network"),
        (ConnectTimeoutError(endpoint_url="x"), "network"),
        (ReadTimeoutError(endpoint_url="x"), "network"),
        (ConnectionClosedError(endpoint_url="x"), "network"),
        (NoCredentialsError(), "credentials"),
        (ParamValidationError(report="x"), "invalid-parameter"),
        (BotoCoreError(), "unexpected"),
    ],
)
def test_an_exception_of_botocore_has_its_reason(error: BotoCoreError, reason: str) -> None:
    assert classify_error(error).reason == reason


def test_every_rule_has_a_known_reason() -> None:
    assert {rule.reason for rule in RULES} <= REASONS.keys()


def test_a_rule_that_matches_everything_stands_last_for_each_source() -> None:
    catch_alls = [rule for rule in RULES if rule.reason == "unexpected"]

    assert [rule.source for rule in catch_alls] == list(Source)
    assert list(RULES[-len(catch_alls) :]) == catch_alls


def test_only_invalid_messages_are_rejected_immediately() -> None:
    for name, reason in REASONS.items():
        expected = PermanentFailure if reason.failure_class is INVALID else RetryableFailure
        assert isinstance(make_failure(name, "text"), expected)


def test_a_message_that_needs_only_an_operator_or_time_is_redrivable() -> None:
    waiting = {n for n, reason in REASONS.items() if reason.failure_class is not INVALID}

    assert all(REASONS[name].redrivable for name in waiting)
    assert {n for n in REASONS.keys() - waiting if REASONS[n].redrivable} == {
        "not-allowed",
        "template",
        "service-not-found",
        "task-definition-not-found",
        "expired",
    }
