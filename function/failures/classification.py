"""Which answer of AWS means which reason: the one table, as data, first match first.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html (errors),
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html (`failures`),
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html, and texts that AWS was
seen to send. A text is looked for anywhere and without regard to case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure, failure
from function.limits import MAX_AWS_TEXT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALREADY_STARTED: Final = "ConflictException"
"""The client token is known with other parameters: the task was started by an earlier delivery."""

_SERVER_ERROR_STATUS: Final = 500


class Source(StrEnum):
    """Where a fault was found."""

    ERROR = "error"
    """An error that AWS answered: code, text and HTTP status."""
    FAILURE = "failure"
    """An entry of RunTask's `failures`: reason and detail."""
    EXCEPTION = "exception"
    """An exception of botocore: the request got no answer, or never left."""


@dataclass(frozen=True, kw_only=True)
class AwsError:
    """One thing that went wrong, as AWS or botocore put it.

    Attributes:
        source: where it was found.
        code: an error code, a failure's reason, or the names of an exception's classes.
        text: what was said about it.
        status: the HTTP status, 0 where there is none.
    """

    source: Source
    code: str
    text: str
    status: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row of the table: whatever is given has to match."""

    reason: str
    source: Source
    code: str = ""
    text: str = ""
    status: int = 0

    def matches(self, fault: AwsError) -> bool:
        """Return whether this row speaks of the fault."""
        return (
            self.source is fault.source
            and fault.status >= self.status
            and re.search(self.code, fault.code, re.IGNORECASE) is not None
            and re.search(self.text, fault.text, re.IGNORECASE) is not None
        )


_THROTTLED = r"throttl|rate exceeded|request ?limit ?exceeded|too many requests"
_QUOTA = r"reached the limit on the number of (tasks|vcpus)"  # the apostrophe before it varies
_CAPACITY = r"capacity is unavailable|insufficient capacity"
_PROVISIONING = r"provisioning (capacity )?limit|limit.*PROVISIONING state"
_NO_INSTANCES = r"no container instances were found"
_DENIED = r"is not authorized to perform"
_ROLE = r"unable to assume the (service[ -]linked )?role"
_TASK_DEFINITION = (
    r"task ?definition (not found|is inactive|does not exist)|unable to describe task definition"
)
_CLUSTER = r"cluster (not found|is inactive|was not found)"

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
    # What nobody foresaw is kept and announced: neither lost, nor a poison for ever.
    Rule(reason="unexpected", source=Source.ERROR),
    Rule(reason="unexpected", source=Source.FAILURE),
    Rule(reason="unexpected", source=Source.EXCEPTION),
)


def classify(fault: AwsError) -> str:
    """Return the name of the reason that a fault means."""
    return next(rule.reason for rule in RULES if rule.matches(fault))


def failure_of_error(error: ClientError | BotoCoreError) -> Failure:
    """Return what an error of AWS, or of the way there, means for the message."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        metadata = error.response.get("ResponseMetadata", {})
        fault = AwsError(
            source=Source.ERROR,
            code=str(answer.get("Code", "")),
            text=str(answer.get("Message", ""))[:MAX_AWS_TEXT_LENGTH],
            status=int(metadata.get("HTTPStatusCode", 0)),
        )
        said = f"{fault.code}: {fault.text}"
    else:
        names = [kind.__name__ for kind in type(error).__mro__]
        text = str(error)[:MAX_AWS_TEXT_LENGTH]
        fault = AwsError(source=Source.EXCEPTION, code=" ".join(names), text=text)
        said = f"{names[0]}: {text}"
    return failure(classify(fault), f"{error_operation(error)}{said}")


def error_operation(error: ClientError | BotoCoreError) -> str:
    """Return the name of the API operation that failed, with a space, or nothing."""
    return f"{error.operation_name} " if isinstance(error, ClientError) else ""


def failure_of_answer(failures: Sequence[Mapping[str, Any]]) -> Failure:
    """Return what a RunTask answer without a task means for the message.

    Args:
        failures: the answer's `failures`, of a call for one task.
    """
    if not failures:
        return failure("server-error", "RunTask answered with neither a task nor a failure")
    first = failures[0]
    code = str(first.get("reason", ""))
    said = ": ".join(filter(None, (code, str(first.get("detail") or ""))))[:MAX_AWS_TEXT_LENGTH]
    fault = AwsError(source=Source.FAILURE, code=code, text=said)
    return failure(classify(fault), f"RunTask failure {said}")
