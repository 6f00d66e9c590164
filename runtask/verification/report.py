"""The report of a verification: everything that matters, and nothing that names the account."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from runtask.verification.disclosure import Private, Pseudonyms, redacted
from runtask.verification.finding import ProbeResult, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.config import FunctionConfig

# Changes when a key of the report changes its meaning or goes away.
FORMAT: Final = "runtask-verify/1"

_DISTRIBUTIONS: Final[Mapping[str, str]] = {
    "runtask": "ecs-run-task",
    "pulumi": "pulumi",
    "pulumi-aws": "pulumi-aws",
    "botocore": "botocore",
}


def has_failed(results: Sequence[ProbeResult]) -> bool:
    """Return whether at least one probe failed."""
    return any(one.finding.status is Status.FAIL for one in results)


def report(
    results: Sequence[ProbeResult], config: FunctionConfig, *, now: datetime | None = None
) -> dict[str, Any]:
    """Return the report as JSON, with pseudonyms for everything that names the account.

    Args:
        results: The probes, in their order.
        config: The stage's configuration.
        now: The time of the report; None for the current time.
    """
    pseudonyms = Pseudonyms()
    location = config.location
    return {
        "format": FORMAT,
        "time": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "stage": pseudonyms.of(Private("stage", config.stage)),
        "account": pseudonyms.of(Private("account", location.account)),
        "partition": location.partition,
        "region": location.region,
        "fifo": config.fifo,
        "versions": _versions(),
        "result": Status.FAIL.value if has_failed(results) else Status.PASS.value,
        "probes": [
            {
                "name": one.name,
                "result": one.finding.status.value,
                "seconds": one.seconds,
                "sentence": one.finding.sentence.redacted(pseudonyms),
                "facts": {
                    name: redacted(fact, pseudonyms) for name, fact in one.finding.facts.items()
                },
            }
            for one in results
        ],
    }


def _versions() -> dict[str, str]:
    return {name: _version(distribution) for name, distribution in _DISTRIBUTIONS.items()} | {
        "python": platform.python_version()
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
