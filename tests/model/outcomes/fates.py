"""What ECS does with a task, and what senders ask for with it: the model's own truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.model.jobs import Job

# How often a task is started in all until a container runs, by cause; the function is told these.
ATTEMPTS: Final = {
    "network-interface": 3,
    "image-pull": 2,
    "capacity": 3,
    "spot": 3,
    "other": 2,
}

CANARY: Final = "canary-value"


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of a task if nobody stops it.

    Attributes:
        state: of a key with this task alone, if nothing is started again.
        reason: of that state.
        starts_after: seconds until its containers run; None if they never do.
        ends_after: seconds from its creation until it is stopped.
        exit_code: of its container; None if it never ran.
        stop_code: as ECS says it.
        text: `stoppedReason`.
        detail: `reason` of the container.
        heals: whether it may be started again where no container ran.
    """

    state: str
    reason: str = ""
    starts_after: float | None = 20.0
    ends_after: float = 300.0
    exit_code: int | None = 0
    stop_code: str = "EssentialContainerExited"
    text: str = "Essential container in task exited"
    detail: str = ""
    heals: bool = False


def _never(reason: str, text: str, *, heals: bool, code: str = "TaskFailedToStart") -> Fate:
    return Fate(
        state="never-started",
        reason=reason,
        starts_after=None,
        ends_after=90.0,
        exit_code=None,
        stop_code=code,
        text=text,
        heals=heals,
    )


GOOD: Final = Fate(state="succeeded")
QUICK: Final = Fate(state="succeeded", starts_after=5.0, ends_after=8.0)
LONG: Final = Fate(state="succeeded", ends_after=5 * 3600.0)
BAD: Final = Fate(state="failed", reason="exit-code", exit_code=7)
AGAIN: Final = Fate(state="failed", reason="exit-code", exit_code=75, ends_after=60.0)
LATE: Final = Fate(state="failed", reason="exit-code", exit_code=75, ends_after=2 * 3600.0)
INTERFACE: Final = _never(
    "network-interface",
    "Timeout waiting for network interface provisioning to complete.",
    heals=True,
)
PULL: Final = _never(
    "image-pull",
    "CannotPullContainerError: failed to resolve reference: dial tcp 10.0.0.1:443: i/o timeout",
    heals=True,
)
NO_IMAGE: Final = _never(
    "image-not-found",
    "CannotPullContainerError: manifest for report:7 not found: manifest unknown",
    heals=False,
)
NO_ROOM: Final = _never(
    "capacity", "Capacity is unavailable at this time. Please try again later.", heals=True
)
SPOT_BEFORE: Final = _never(
    "spot", "Your Spot Task was interrupted.", heals=True, code="SpotInterruption"
)
STRANGE: Final = _never("other", "Something that nobody has ever read", heals=True)
SPOT_AFTER: Final = Fate(
    state="stopped",
    reason="spot",
    exit_code=137,
    stop_code="SpotInterruption",
    text="Your Spot Task was interrupted.",
)
BY_HAND: Final = Fate(
    state="stopped", reason="user", exit_code=137, stop_code="UserInitiated", text="by hand"
)

FATES: Final = (
    *(GOOD, GOOD, GOOD, QUICK, LONG, BAD, AGAIN, LATE),
    *(INTERFACE, INTERFACE, PULL, NO_IMAGE, NO_ROOM, SPOT_BEFORE, STRANGE, SPOT_AFTER, BY_HAND),
)


@dataclass(frozen=True, kw_only=True)
class LimitedJob(Job):
    """A job with limits.

    Attributes:
        minutes: `maxRuntime`; 0 for none.
        most: tasks of its concurrency group at once; 0 for any number.
        group: the group.
        again: how often exit code 75 starts it again.
        spot: whether Spot is tried first, then on demand.
    """

    minutes: int = 0
    most: int = 0
    group: str = "g"
    again: int = 0
    spot: bool = False

    @property
    def request(self) -> tuple[object, ...]:
        """What makes two jobs the same request."""
        return (*super().request, self.minutes, self.most, self.group, self.again, self.spot)

    def content(self) -> dict[str, Any]:
        """Return what stands in the body."""
        content = super().content()
        (container,) = content["overrides"]["containerOverrides"]
        container["environment"].append({"name": "TOKEN", "value": f"{CANARY}-{self.number}"})
        limits: dict[str, Any] = {}
        if self.minutes:
            limits["maxRuntime"] = f"{self.minutes}m"
        if self.most:
            limits["concurrency"] = {"max": self.most, "group": self.group}
        if self.again:
            limits["onExit"] = {"restart": [75], "times": self.again}
        if self.spot:
            limits["capacity"] = ["FARGATE_SPOT", "FARGATE"]
            del content["launchType"]
        return {**content, **({"limits": limits} if limits else {})}

    def restarts(self, fate: Fate) -> tuple[str, int]:
        """Return the cause for which a task is started again after a fate, and how often.

        Both are for one of `count`; 0 if it is not started again.
        """
        if fate.starts_after is None:
            return fate.reason, (ATTEMPTS[fate.reason] - 1 if fate.heals else 0)
        return "exit-code", (self.again if fate.exit_code == 75 else 0)


def is_clean(value: object) -> bool:
    """Return whether no value of an environment is in something."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return CANARY not in text
