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


# Texts that AWS was seen to send.
SEEN: tuple[tuple[str, str, str], ...] = (
    (
        "InvalidParameterException",
        (
            "Error retrieving security group information for [sg-1]: An internal error has occurred"
            " (ErrorCode: InternalError)"
        ),
        "server-error",
    ),
    (
        "InvalidParameterException",
        "Error retrieving subnet information for [subnet-1]: Rate exceeded (ErrorCode: Throttling)",
        "throttled",
    ),
    (
        "InvalidParameterException",
        (
            "Error retrieving subnet data of [s-1]: Request limit exceeded. (ErrorCode:"
            " RequestLimitExceeded)"
        ),
        "throttled",
    ),
    (
        "InvalidParameterException",
        (
            "Error retrieving subnet information for [subnet-1]: The subnet ID 'subnet-1' does not"
            " exist (ErrorCode: InvalidSubnetID.NotFound)"
        ),
        "invalid-parameter",
    ),
    (
        "InvalidParameterException",
        (
            "Error retrieving subnet information for [s-1]: You are not authorized to perform this"
            " operation. (ErrorCode: UnauthorizedOperation)"
        ),
        "access-denied",
    ),
    (
        "InvalidParameterException",
        (
            "Error creating a network interface: The specified subnet does not have enough free"
            " addresses. (ErrorCode: InsufficientFreeAddressesInSubnet)"
        ),
        "capacity",
    ),
    (
        "InvalidParameterException",
        "You may not create more. (ErrorCode: NetworkInterfaceLimitExceeded)",
        "quota",
    ),
    (
        "InvalidParameterException",
        "The security token is expired. (ErrorCode: ExpiredToken)",
        "credentials",
    ),
    (
        "ServerException",
        (
            "com.amazonaws.services.ec2.model.AmazonEC2Exception: Request limit exceeded. (Service:"
            " AmazonEC2; Status Code: 503; Error Code: RequestLimitExceeded; Request ID: x)"
        ),
        "throttled",
    ),
    (
        "ClientException",
        "You've reached the limit on the number of spot tasks you can run concurrently",
        "quota",
    ),
    (
        "ClientException",
        "You\u2019ve reached the limit on the number of vCPUs you can run concurrently",
        "quota",
    ),
    (
        "InvalidParameterException",
        "No Container Instances were found in your capacity provider.",
        "resource",
    ),
    ("ClientException", "Tasks provisioning capacity limit exceeded.", "provisioning"),
    (
        "InvalidParameterException",
        "The specified capacity provider 'throttle' is not in an ACTIVE state. Specify another.",
        "capacity-provider",
    ),
    (
        "InvalidParameterException",
        (
            "The strategy cannot contain a capacity provider that is not associated"
            " with the cluster. Associate it first."
        ),
        "capacity-provider",
    ),
    ("ClusterNotFoundException", "The referenced cluster was inactive.", "cluster-not-found"),
    ("InvalidParameterException", "The referenced cluster was inactive.", "cluster-not-found"),
    (
        "InvalidParameterException",
        "Security group sg-1 does not appear to belong to the same VPC as the input subnets.",
        "invalid-parameter",
    ),
    (
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
        "invalid-parameter",
    ),
    (
        "InvalidParameterException",
        "Assign public IP is not supported for this launch type",
        "invalid-parameter",
    ),
    (
        "InvalidParameterException",
        "Container Overrides length must be at most 8192",
        "invalid-parameter",
    ),
    # A name of the request says nothing, quoted or not.
    (
        "InvalidParameterException",
        "Override for container named throttle is not a container in the TaskDefinition.",
        "invalid-parameter",
    ),
    (
        "ClientException",
        "The family [rate exceeded] and the tag 'capacity is unavailable' are refused",
        "client-error",
    ),
    # An apostrophe begins no quotation.
    (
        "ClientException",
        "It's full. You've reached the limit on the number of tasks; you can't run more",
        "quota",
    ),
    # The code of ECS is read before its text.
    ("AccessDeniedException", "Rate exceeded", "access-denied"),
)


@pytest.mark.parametrize(("code", "text", "reason"), SEEN)
def test_a_text_that_aws_was_seen_to_send_has_its_reason(code: str, text: str, reason: str) -> None:
    error = client_error(code, text, status=500 if code == "ServerException" else 400)
    assert isinstance(error, ClientError)

    assert classify_error(error).reason == reason


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
        "service-not-found",
        "task-definition-not-found",
        "expired",
    }
