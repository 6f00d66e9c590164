"""Which answer of AWS means which reason: one table, as data, in which the first match wins.

What stands first is most certain: the error code of EC2 or IAM that ECS quotes in its text, then
ECS's own error code, then its text. A text is compared with AWS's own words only: what it quotes of
the request is removed, and every pattern has several words, which no name can contain.

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

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)

from function.failures.reasons import REASONS, Failure, FailureClass, make_failure
from function.limits import MAX_AWS_TEXT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The error code for a client token that is known with other parameters.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
CONFLICT: Final = "ConflictException"

_SERVER_ERROR_STATUS: Final = 500

# How ECS quotes the error code of another service.
_WRAPPED: Final = re.compile(r"\bError ?Code: *([A-Za-z][A-Za-z0-9.]*)")

# What a text quotes of the request. An apostrophe is within a word.
_QUOTED: Final = re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|\[[^\]]*\]")

# Requests that were never sent, so that they cannot have had an effect.
_NOT_SENT: Final = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


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
        text: The message that came with it, without what it quotes.
        wrapped: The error code of another service, as the message quotes it.
        status: The HTTP status, 0 if there is none.
    """

    source: Source
    code: str
    text: str
    wrapped: str = ""
    status: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row of the table. Every condition that is given has to match.

    Attributes:
        reason: The name of the reason, if the rule matches.
        source: Where the error has to be found.
        wrapped: A pattern for the wrapped code.
        code: A pattern for the code.
        text: A pattern for the text.
        status: The lowest HTTP status.
    """

    reason: str
    source: Source
    wrapped: str = ""
    code: str = ""
    text: str = ""
    status: int = 0

    def matches(self, error: AwsError) -> bool:
        """Return whether this rule matches the error."""
        return (
            self.source is error.source
            and error.status >= self.status
            and re.search(self.wrapped, error.wrapped, re.IGNORECASE) is not None
            and re.search(self.code, error.code, re.IGNORECASE) is not None
            and re.search(self.text, error.text, re.IGNORECASE) is not None
        )


_ERROR, _FAILURE, _EXCEPTION = Source.ERROR, Source.FAILURE, Source.EXCEPTION

# Codes of AWS's services, of which ECS returns some itself and quotes others.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_THROTTLED_CODE: Final = r"throttl|RequestLimitExceeded|TooManyRequests|SlowDown|BandwidthLimit"
_SERVER_CODE: Final = (
    r"^((Client|Server)\.)?"
    r"(ServerException|Internal\w*|(Service)?Unavailable\w*|RequestTimeout\w*)$"
)
_DENIED_CODE: Final = (
    r"^(Client\.)?(AccessDenied\w*|UnauthorizedOperation|NotAuthorized|OptInRequired|AuthFailure)$"
)
_CREDENTIALS_CODE: Final = (
    r"(Expired|Invalid|Missing)\w*Token|Signature|UnrecognizedClient|RequestExpired"
)

# Words of AWS.
_THROTTLED: Final = r"rate exceeded|request limit exceeded|too many requests"
_QUOTA: Final = r"reached the limit on the number of"  # the apostrophe before it varies
_CAPACITY: Final = r"capacity is unavailable|insufficient capacity"
_PROVISIONING: Final = r"tasks provisioning (capacity )?limit|limit.*PROVISIONING state"
_NO_INSTANCES: Final = r"no container instances were found"
_INTERNAL: Final = r"an internal (server )?error (has )?occurred"
_DENIED: Final = r"is not authorized to perform"
_ROLE: Final = r"unable to assume the (service[ -]linked )?role"
_PROVIDER: Final = (
    r"capacity provider.* (is not in an ACTIVE state|not associated with the cluster)"
)
_TASK_DEFINITION: Final = (
    r"task ?definition (not found|is inactive|does not exist)|unable to describe task definition"
)
_CLUSTER: Final = r"cluster (is |was )?(not found|inactive)"
_PLACEMENT: Final = r"placement constraint unsatisfied"

# First match wins.
RULES: Final = (
    # What another service said.
    Rule(reason="throttled", source=_ERROR, wrapped=_THROTTLED_CODE),
    Rule(reason="server-error", source=_ERROR, wrapped=_SERVER_CODE),
    Rule(reason="capacity", source=_ERROR, wrapped=r"^Insufficient"),
    Rule(reason="quota", source=_ERROR, wrapped=r"LimitExceeded$"),
    Rule(reason="access-denied", source=_ERROR, wrapped=_DENIED_CODE),
    Rule(reason="credentials", source=_ERROR, wrapped=_CREDENTIALS_CODE),
    Rule(reason="invalid-parameter", source=_ERROR, wrapped=r"^Invalid|NotFound$|Malformed$"),
    # Codes of ECS that say enough.
    Rule(reason="throttled", source=_ERROR, code=_THROTTLED_CODE),
    Rule(reason="access-denied", source=_ERROR, code=_DENIED_CODE),
    Rule(reason="credentials", source=_ERROR, code=_CREDENTIALS_CODE),
    Rule(reason="cluster-not-found", source=_ERROR, code=r"^ClusterNotFoundException$"),
    Rule(reason="blocked", source=_ERROR, code=r"^BlockedException$"),
    Rule(reason="service-not-found", source=_ERROR, code=r"^ServiceNotFoundException$"),
    Rule(
        reason="unsupported",
        source=_ERROR,
        code=r"^(PlatformUnknown|PlatformTaskDefinitionIncompatibility|UnsupportedFeature)",
    ),
    # Texts, with the codes that say little: ClientException, InvalidParameterException, and so on.
    Rule(reason="throttled", source=_ERROR, text=_THROTTLED),
    Rule(reason="quota", source=_ERROR, text=_QUOTA),
    Rule(reason="capacity", source=_ERROR, text=_CAPACITY),
    Rule(reason="provisioning", source=_ERROR, text=_PROVISIONING),
    Rule(reason="resource", source=_ERROR, text=_NO_INSTANCES),
    Rule(reason="server-error", source=_ERROR, status=_SERVER_ERROR_STATUS),
    Rule(reason="server-error", source=_ERROR, code=_SERVER_CODE),
    Rule(reason="server-error", source=_ERROR, text=_INTERNAL),
    Rule(reason="role-not-assumable", source=_ERROR, text=_ROLE),
    Rule(reason="access-denied", source=_ERROR, text=_DENIED),
    Rule(reason="capacity-provider", source=_ERROR, text=_PROVIDER),
    Rule(reason="cluster-not-found", source=_ERROR, text=_CLUSTER),
    Rule(reason="placement", source=_ERROR, text=_PLACEMENT),
    Rule(reason="task-definition-not-found", source=_ERROR, text=_TASK_DEFINITION),
    Rule(
        reason="invalid-parameter",
        source=_ERROR,
        code=r"^(InvalidParameter\w*|ValidationException|SerializationException)$",
    ),
    Rule(reason="client-error", source=_ERROR, code=r"^ClientException$"),
    Rule(reason="resource", source=_FAILURE, code=r"^RESOURCE\b"),
    Rule(reason="agent", source=_FAILURE, code=r"^AGENT\b"),
    Rule(reason="placement", source=_FAILURE, code=r"^(ATTRIBUTE|LOCATION|MEMBEROF)\b"),
    Rule(reason="throttled", source=_FAILURE, text=_THROTTLED),
    Rule(reason="quota", source=_FAILURE, text=_QUOTA),
    Rule(reason="capacity", source=_FAILURE, text=_CAPACITY),
    Rule(reason="provisioning", source=_FAILURE, text=_PROVISIONING),
    Rule(
        reason="resource",
        source=_FAILURE,
        text=rf"{_NO_INSTANCES}|EMPTY CAPACITY PROVIDER|NO ACTIVE INSTANCES",
    ),
    Rule(reason="placement", source=_FAILURE, text=_PLACEMENT),
    Rule(reason="invalid-parameter", source=_EXCEPTION, code=r"^ParamValidationError\b"),
    Rule(reason="credentials", source=_EXCEPTION, code=r"Credential|Token"),
    Rule(
        reason="network",
        source=_EXCEPTION,
        code=r"\b(HTTPClientError|ConnectionError|IncompleteReadError|ResponseParserError)\b",
    ),
    # Catch-all: retry unknown errors and announce them, so that they are neither dropped nor
    # retried forever.
    Rule(reason="unexpected", source=_ERROR),
    Rule(reason="unexpected", source=_FAILURE),
    Rule(reason="unexpected", source=_EXCEPTION),
)

_PATIENCE: Final = (FailureClass.INVALID, FailureClass.ENVIRONMENT, FailureClass.TRANSIENT)


def classify_error(error: ClientError | BotoCoreError) -> Failure:
    """Return what an exception of an AWS call means for the message."""
    if isinstance(error, ClientError):
        body = error.response.get("Error", {})
        metadata = error.response.get("ResponseMetadata", {})
        text = str(body.get("Message", ""))[:MAX_AWS_TEXT_LENGTH]
        found = AwsError(
            source=Source.ERROR,
            code=str(body.get("Code", "")),
            text=_QUOTED.sub("", text),
            wrapped=next(reversed(_WRAPPED.findall(text)), ""),
            status=int(metadata.get("HTTPStatusCode", 0)),
        )
        return _failure(found, f"{error.operation_name} {found.code}: {text}")
    names = [base.__name__ for base in type(error).__mro__]
    text = str(error)[:MAX_AWS_TEXT_LENGTH]
    found = AwsError(source=Source.EXCEPTION, code=" ".join(names), text=text)
    return _failure(found, f"{names[0]}: {text}")


def may_have_launched(error: ClientError | BotoCoreError) -> bool:
    """Return whether RunTask may have started tasks although the call failed."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return int(status) >= _SERVER_ERROR_STATUS or not status
    return not isinstance(error, _NOT_SENT) and classify_error(error).details.may_have_launched


def classify_failures(failures: Sequence[Mapping[str, Any]]) -> Failure:
    """Return what a RunTask response without all tasks means for the message.

    Args:
        failures: The response's `failures`. The container instances of a mixed cluster can refuse a
            task for different reasons: of these, the one for which it pays most to wait counts.
    """
    if not failures:
        return make_failure("server-error", "RunTask returned neither a task nor a failure")
    found: dict[str, str] = {}
    for entry in failures:
        code = str(entry.get("reason", ""))
        text = ": ".join(filter(None, (code, str(entry.get("detail") or ""))))
        text = text[:MAX_AWS_TEXT_LENGTH]
        found.setdefault(_reason(AwsError(source=Source.FAILURE, code=code, text=text)), text)
    reason = max(found, key=_patience)
    first = [found[reason], *(text for name, text in found.items() if name != reason)]
    return make_failure(reason, f"RunTask failure {'; '.join(first)}")


def _patience(reason: str) -> tuple[int, bool, bool]:
    details = REASONS[reason]
    return (
        _PATIENCE.index(details.failure_class),
        details.capacity_exhausted,
        reason != "unexpected",
    )


def _failure(found: AwsError, error: str) -> Failure:
    return make_failure(_reason(found), error)


def _reason(found: AwsError) -> str:
    # The last rules match everything.
    return next(rule.reason for rule in RULES if rule.matches(found))
