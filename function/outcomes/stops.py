"""Why a task stopped, and whether it may be started again: tables, as data.

`stopCode` decides. AWS: "The `stopCode` will not change", but "do not rely on the error messages".
So a text only tells one cause of a failed start from another, and an unknown text is `other`.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from function.outcomes.history import Run

# What the reason of every StopTask by this project begins with.
STOP_REASON_PREFIX: Final = "ecs-run-task: "

# The name of the limit for which tasks are stopped.
MAX_RUNTIME: Final = "max-runtime"

# Why a task is started again that ran.
EXIT_CODE: Final = "exit-code"

_FAILED_TO_START: Final = "TaskFailedToStart"
_USER_INITIATED: Final = "UserInitiated"


@dataclass(frozen=True, kw_only=True)
class StopCause:
    """Why a task stopped.

    Attributes:
        name: A name of `CAUSES`, or `exit` for a task whose containers ended by themselves.
        ran: Whether a container of it ever ran.
        restartable: Whether the same request can succeed later, and no container ran.
        slow: Whether it takes minutes rather than seconds until it can.
    """

    name: str
    ran: bool
    restartable: bool = False
    slow: bool = False


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is known of a cause, whatever the task.

    Attributes:
        heals: Whether it passes without anybody's doing.
        slow: Whether that takes minutes.
    """

    heals: bool = False
    slow: bool = False


CAUSES: Final = {
    # The network interface was not attached in time.
    "network-interface": Cause(heals=True),
    # A service that the task needs to start was not reached.
    "network": Cause(heals=True),
    # The registry was not reached, or answered with a server error.
    "image-pull": Cause(heals=True),
    # The registry's limit of pulls.
    "registry-throttled": Cause(heals=True, slow=True),
    # The rate limit of another API.
    "throttled": Cause(heals=True, slow=True),
    # The ephemeral storage was not attached in time.
    "storage": Cause(heals=True),
    # There was nothing to run it on.
    "capacity": Cause(heals=True),
    # Spot took the capacity back.
    "spot": Cause(heals=True),
    # The host failed, or was taken away.
    "infrastructure": Cause(heals=True),
    # No instance fits the constraints.
    "placement": Cause(heals=True, slow=True),
    # The subnet has no address left.
    "subnet-exhausted": Cause(heals=True, slow=True),
    # Nobody knows the text.
    "other": Cause(heals=True),
    # What somebody has to fix.
    "image-not-found": Cause(),
    "secret-not-found": Cause(),
    "access-denied": Cause(),
    "container-start": Cause(),
    # Stopped on purpose.
    "user": Cause(),
    "scheduler": Cause(),
}

# What a stop code says alone.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (`stopCode`)
_CODES: Final = {
    _USER_INITIATED: "user",
    "ServiceSchedulerInitiated": "scheduler",
    "SpotInterruption": "spot",
    "TerminationNotice": "infrastructure",
    "InfrastructureHealth": "infrastructure",
}


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A row of the table of texts: lower case, no apostrophes, no double spaces, one a line."""

    hint: str
    pattern: str
    source: str


_GUIDE: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
_INIT: Final = f"{_GUIDE}resource-initialization-error.html"
_PULL: Final = f"{_GUIDE}task_cannot_pull_image.html"
_CODE_LIST: Final = f"{_GUIDE}stopped-task-error-codes.html"
_API: Final = f"{_GUIDE}api_failures_messages.html"

# First match wins: what cannot heal stands before the words of a failed connection, which can
# follow it in one text.
_TEXTS: Final = (
    _Text(
        hint="registry-throttled",
        pattern=r"toomanyrequests|429 too many requests|reached your (unauthenticated )?pull rate",
        source=_PULL,
    ),
    _Text(
        hint="network-interface",
        pattern=r"network interface provision|preparing network interface|network interface attach",
        source=f"{_CODE_LIST} , and as seen from AWS Batch: 'Rate limit exceeded while preparing"
        " network interface to be attached to instance'",
    ),
    _Text(
        hint="subnet-exhausted",
        pattern=r"while attempting to create (a )?network interface|insufficientfreeaddresses"
        r"|(not |in)?sufficient free (ip )?addresses|no (more )?free (ip )?addresses",
        source=f"{_CODE_LIST} ,"
        " https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
    ),
    _Text(
        hint="access-denied",
        pattern=r"not authorized to perform|accessdenied"
        r"|unable to assume the (service.linked )?role|403 forbidden"
        r"|no basic auth credentials|unauthorized: authentication required",
        source=f"{_INIT} , {_PULL}",
    ),
    _Text(
        hint="secret-not-found",
        pattern=r"cant find the specified secret|cannot find the specified secret"
        r"|invalid ssm parameters|parameternotfound|did not contain json key",
        source=_INIT,
    ),
    _Text(
        hint="image-not-found",
        pattern=r"pull access denied|manifest unknown|manifest for .+ not found"
        r"|repository (with name )?.+ (does not exist|not found)|name unknown"
        r"|invalid reference format|\bref .+: not found|no matching manifest"
        r"|does not contain descriptor matching platform",
        source=_PULL,
    ),
    _Text(
        hint="container-start",
        pattern=r"specified log group does not exist|no such file or directory"
        r"|executable file not found|exec format error",
        source=f"{_INIT} , {_GUIDE}cannot-start-container.html",
    ),
    _Text(hint="storage", pattern=r"ephemeral ?storage provisioning", source=_CODE_LIST),
    _Text(hint="throttled", pattern=r"throttlingexception|rate exceeded", source=_INIT),
    _Text(
        hint="capacity",
        pattern=r"capacity is unavailable|insufficient capacity|resource: ?[a-z]{2,}"
        r"|(^|reason: ?)agent\b|no active instances|empty capacity provider"
        r"|no container instances were found",
        source=f"{_API} , {_CODE_LIST}",
    ),
    _Text(
        hint="placement",
        pattern=r"placement constraint|(^|reason: ?)(attribute|location|memberof)\b"
        r"|no container instance met all",
        source=_API,
    ),
    _Text(
        hint="network",
        pattern=r"dial tcp|dial udp|i/o timeout|tls handshake timeout|connection timed out"
        r"|client\.timeout exceeded|request canceled while waiting for connection"
        r"|context deadline exceeded|request context canceled|no such host|connection refused"
        r"|connection reset by peer|unexpected eof|signal: killed",
        source=f"{_INIT} , {_PULL}",
    ),
    _Text(
        hint="image-pull",
        pattern=r"cannotpull.+(50[0234] |internal server error|bad gateway|service unavailable"
        r"|gateway timeout|httpreaderseeker)",
        source=_PULL,
    ),
    _Text(
        hint="infrastructure",
        pattern=r"(containerruntime|docker)timeouterror|internalerror|internal error"
        r"|host ec2 .+ terminated",
        source=_CODE_LIST,
    ),
    _Text(
        hint="container-start",
        pattern=r"cannot(start|create)container|cannotcreatevolume|containerruntimeerror"
        r"|oci runtime|failed to create (shim )?task",
        source=_CODE_LIST,
    ),
)

_PATTERNS: Final = tuple((row.hint, re.compile(row.pattern, re.MULTILINE)) for row in _TEXTS)
_APOSTROPHES: Final = re.compile("['\u2018\u2019\u02bc`]")
_SPACES: Final = re.compile(r"\s+")


def hint_of(texts: Iterable[str]) -> str:
    """Return the cause of a failed start that texts name, empty if they name none.

    Args:
        texts: What ECS says of the task and its containers, at full length.
    """
    text = "\n".join(_SPACES.sub(" ", _APOSTROPHES.sub("", item)).strip() for item in texts).lower()
    found = next((hint for hint, pattern in _PATTERNS if pattern.search(text)), "")
    # The words of a failed connection are the same, whatever was to be reached.
    return "image-pull" if found == "network" and "cannotpull" in text else found


def did_run(run: Run) -> bool:
    """Return whether a container of a task ever ran, an injected one included."""
    return run.started_at is not None or any(container.ran for container in run.containers)


def cause_of(run: Run) -> StopCause:
    """Return why a task stopped."""
    hint = run.hint or hint_of(
        (run.stop_reason, *(container.reason for container in run.containers))
    )
    name = _CODES.get(run.stop_code)
    if did_run(run):
        if run.stop_code == _FAILED_TO_START:
            name = hint or "other"
        return StopCause(name=name or "exit", ran=True)
    # An unknown stop code says nothing. Where there is none, only a known text allows a restart.
    known = name is not None or run.stop_code == _FAILED_TO_START
    name = name or hint or "other"
    cause = CAUSES[name]
    certain = known or (run.stop_code == "" and hint != "")
    return StopCause(name=name, ran=False, restartable=cause.heals and certain, slow=cause.slow)


def stopped_for_limit(run: Run) -> bool:
    """Return whether this project stopped a task, because of `maxRuntime`."""
    return run.stop_code in {"", _USER_INITIATED} and run.stop_reason.startswith(
        f"{STOP_REASON_PREFIX}maxRuntime"
    )
