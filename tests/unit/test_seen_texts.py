"""Texts that AWS was seen to send have their reasons."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from function.failures.classification import classify_error
from tests.unit.fakes import client_error

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
