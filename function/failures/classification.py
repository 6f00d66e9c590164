"""Which answer of AWS means which reason: one table, as data, in which the first match wins.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html (errors),
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html (`failures`),
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html, and messages observed
from AWS. A pattern matches anywhere in a text, and ignores case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure, make_failure
from function.limits import MAX_AWS_TEXT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The error code for a client token that is known with other parameters: an earlier delivery has
# started the task.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
ALREADY_STARTED: Final = "ConflictException"

_SERVER_ERROR_STATUS: Final = 500


class Source(StrEnum):
    """Where an error was found."""

    # An error response of AWS: code, message and HTTP status.
    ERROR = "error"
    # An entry of RunTask's `failures`: reason and detail.
    FAILURE = "failure"
    # An exception of botocore: there was no response, or the request was never sent.
    EXCEPTION = "exception"


@dataclass(frozen=True, kw_only=True)
class AwsError:
    """One error, as AWS or botocore reported it.

    Attributes:
        source: Where it was found.
        code: The error code, the failure's reason, or the exception's class and base classes.
        text: The message that came with it.
        status: The HTTP status, 0 if there is none.
    """

    source: Source
    code: str
    text: str
    status: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row of the table. Every condition that is given has to match.

    Attributes:
        reason: The name of the reason, if the rule matches.
        source: Where the error has to be found.
        code: A pattern for the code.
        text: A pattern for the text.
        status: The lowest HTTP status.
    """

    reason: str
    source: Source
    code: str = ""
    text: str = ""
    status: int = 0

    def matches(self, error: AwsError) -> bool:
        """Return whether this rule matches the error."""
        return (
            self.source is error.source
            and error.status >= self.status
            and re.search(self.code, error.code, re.IGNORECASE) is not None
            and re.search(self.text, error.text, re.IGNORECASE) is not None
        )


_THROTTLED: Final = r"throttl|rate exceeded|request ?limit ?exceeded|too many requests"
_QUOTA: Final = (
    r"reached the limit on the number of (tasks|vcpus)"  # the apostrophe before it varies
)
_CAPACITY: Final = r"capacity is unavailable|insufficient capacity"
_PROVISIONING: Final = r"provisioning (capacity )?limit|limit.*PROVISIONING state"
_NO_INSTANCES: Final = r"no container instances were found"
_DENIED: Final = r"is not authorized to perform"
_ROLE: Final = r"unable to assume the (service[ -]linked )?role"
_TASK_DEFINITION: Final = (
    r"task ?definition (not found|is inactive|does not exist)|unable to describe task definition"
)
_CLUSTER: Final = r"cluster (not found|is inactive|was not found)"

# First match wins.
RULES: Final = (
    Rule(reason="throttled", source=Source.ERROR, code=_THROTTLED),
    Rule(reason="throttled", source=Source.ERROR, code=r"TooManyRequests|SlowDown|BandwidthLimit"),
    Rule(reason="throttled", source=Source.ERROR, text=_THROTTLED),
    Rule(reason="quota", source=Source.ERROR, text=_QUOTA),
    Rule(reason="capacity", source=Source.ERROR, text=_CAPACITY),
    Rule(reason="provisioning", source=Source.ERROR, text=_PROVISIONING),
    Rule(reason="resource", source=Source.ERROR, text=_NO_INSTANCES),
    Rule(reason="server-error", source=Source.ERROR, status=_SERVER_ERROR_STATUS),
    Rule(
        reason="server-error",
        source=Source.ERROR,
        code=r"^(ServerException|Internal\w*|ServiceUnavailable\w*|RequestTimeout\w*)$",
    ),
    Rule(reason="role-not-assumable", source=Source.ERROR, text=_ROLE),
    Rule(
        reason="access-denied",
        source=Source.ERROR,
        code=r"^(AccessDenied\w*|UnauthorizedOperation|NotAuthorized|OptInRequired)$",
    ),
    Rule(reason="access-denied", source=Source.ERROR, text=_DENIED),
    Rule(
        reason="credentials",
        source=Source.ERROR,
        code=r"Token|Signature|UnrecognizedClient|AuthFailure|RequestExpired|InvalidClientTokenId",
    ),
    Rule(reason="cluster-not-found", source=Source.ERROR, code=r"^ClusterNotFoundException$"),
    Rule(reason="cluster-not-found", source=Source.ERROR, text=_CLUSTER),
    Rule(reason="blocked", source=Source.ERROR, code=r"^BlockedException$"),
    Rule(reason="task-definition-not-found", source=Source.ERROR, text=_TASK_DEFINITION),
    Rule(reason="service-not-found", source=Source.ERROR, code=r"^ServiceNotFoundException$"),
    Rule(
        reason="unsupported",
        source=Source.ERROR,
        code=r"^(PlatformUnknown|PlatformTaskDefinitionIncompatibility|UnsupportedFeature)",
    ),
    Rule(
        reason="invalid-parameter",
        source=Source.ERROR,
        code=r"^(InvalidParameter\w*|ValidationException|SerializationException)$",
    ),
    Rule(reason="client-error", source=Source.ERROR, code=r"^ClientException$"),
    Rule(reason="throttled", source=Source.FAILURE, text=_THROTTLED),
    Rule(reason="quota", source=Source.FAILURE, text=_QUOTA),
    Rule(reason="capacity", source=Source.FAILURE, text=_CAPACITY),
    Rule(reason="provisioning", source=Source.FAILURE, text=_PROVISIONING),
    Rule(reason="resource", source=Source.FAILURE, code=r"^RESOURCE\b"),
    Rule(reason="resource", source=Source.FAILURE, text=_NO_INSTANCES),
    Rule(reason="agent", source=Source.FAILURE, code=r"^AGENT\b"),
    Rule(reason="placement", source=Source.FAILURE, code=r"^(ATTRIBUTE|LOCATION|MEMBEROF)\b"),
    Rule(reason="placement", source=Source.FAILURE, text=r"placement constraint"),
    Rule(reason="invalid-parameter", source=Source.EXCEPTION, code=r"^ParamValidationError\b"),
    Rule(reason="credentials", source=Source.EXCEPTION, code=r"Credential|Token"),
    Rule(
        reason="network",
        source=Source.EXCEPTION,
        code=r"\b(HTTPClientError|ConnectionError|IncompleteReadError|ResponseParserError)\b",
    ),
    # Catch-all: retry unknown errors and announce them, so that they are neither dropped nor
    # retried forever.
    Rule(reason="unexpected", source=Source.ERROR),
    Rule(reason="unexpected", source=Source.FAILURE),
    Rule(reason="unexpected", source=Source.EXCEPTION),
)


def classify_error(error: ClientError | BotoCoreError) -> Failure:
    """Return what an exception of an AWS call means for the message."""
    if isinstance(error, ClientError):
        body = error.response.get("Error", {})
        metadata = error.response.get("ResponseMetadata", {})
        found = AwsError(
            source=Source.ERROR,
            code=str(body.get("Code", "")),
            text=str(body.get("Message", ""))[:MAX_AWS_TEXT_LENGTH],
            status=int(metadata.get("HTTPStatusCode", 0)),
        )
        return _failure(found, f"{error.operation_name} {found.code}: {found.text}")
    names = [base.__name__ for base in type(error).__mro__]
    text = str(error)[:MAX_AWS_TEXT_LENGTH]
    found = AwsError(source=Source.EXCEPTION, code=" ".join(names), text=text)
    return _failure(found, f"{names[0]}: {text}")


def classify_failures(failures: Sequence[Mapping[str, Any]]) -> Failure:
    """Return what a RunTask response without a task means for the message.

    Args:
        failures: The response's `failures`, of a call for one task.
    """
    if not failures:
        return make_failure("server-error", "RunTask returned neither a task nor a failure")
    first = failures[0]
    code = str(first.get("reason", ""))
    text = ": ".join(filter(None, (code, str(first.get("detail") or ""))))[:MAX_AWS_TEXT_LENGTH]
    found = AwsError(source=Source.FAILURE, code=code, text=text)
    return _failure(found, f"RunTask failure {text}")


def _failure(found: AwsError, error: str) -> Failure:
    # The last rules match everything.
    return make_failure(next(rule.reason for rule in RULES if rule.matches(found)), error)
