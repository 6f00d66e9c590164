from __future__ import annotations

from typing import Any

import pytest

from function.limits import START_ATTEMPTS
from function.outcomes import stops
from function.outcomes.history import Container, Run
from function.outcomes.stops import CAUSES, cause_of
from tests.unit.outcomes import INTERFACE, ended, never_started, running

TEXTS = [
    (INTERFACE, "network-interface"),
    (
        "Network interface provision complete error timeout wait for network interface provision.",
        "network-interface",
    ),
    (
        "Rate limit exceeded while preparing network interface to be attached to instance",
        "network-interface",
    ),
    (
        (
            "Unexpected EC2 error while attempting to Create Network"
            " Interface in subnet 'subnet-1':"
            " InsufficientFreeAddressesInSubnet"
        ),
        "subnet-exhausted",
    ),
    ("Timeout waiting for EphemeralStorage provisioning to complete.", "storage"),
    (
        (
            'CannotPullContainerError: failed to do request: Head "https://r/v2/api/manifests/1":'
            " dial tcp 10.0.3.17:443: i/o timeout"
        ),
        "image-pull",
    ),
    (
        (
            "CannotPullContainerError: Error response from daemon: Get https://r/v2/: net/http:"
            " request canceled while waiting for connection (Client.Timeout exceeded while awaiting"
            " headers)"
        ),
        "image-pull",
    ),
    (
        (
            "CannotPullContainerError: httpReaderSeeker: failed open: unexpected status code: 503"
            " Service Unavailable"
        ),
        "image-pull",
    ),
    (
        "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit.",
        "registry-throttled",
    ),
    (
        (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to"
            " resolve ref docker.io/library/none:v9: not found"
        ),
        "image-not-found",
    ),
    (
        (
            "CannotPullContainerError: Error response from daemon: manifest for app:v9 not found:"
            " manifest unknown"
        ),
        "image-not-found",
    ),
    (
        (
            "CannotPullContainerError: pull access denied for app, repository does not exist or may"
            " require 'docker login'"
        ),
        "image-not-found",
    ),
    (
        (
            "ResourceInitializationError: unable to pull secrets or"
            " registry auth: User: arn:aws:sts::"
            "1:assumed-role/x/y is not authorized to perform:"
            " ecr:GetAuthorizationToken on resource: *"
        ),
        "access-denied",
    ),
    (
        (
            "ResourceInitializationError: unable to pull secrets or"
            " registry auth: execution resource"
            " retrieval failed: ResourceNotFoundException: Secrets"
            " Manager can\u2019t find the specified"
            " secret."
        ),
        "secret-not-found",
    ),
    ("Secrets Manager can't  find the specified secret.", "secret-not-found"),
    ("SECRETS MANAGER CAN`T FIND THE SPECIFIED SECRET.", "secret-not-found"),
    (
        (
            "ResourceInitializationError: unable to retrieve secrets from ssm: RequestCanceled:"
            " request context canceled caused by: context deadline exceeded"
        ),
        "network",
    ),
    (
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: pull command"
            " failed: : signal: killed"
        ),
        "network",
    ),
    ("ThrottlingException: Rate exceeded", "throttled"),
    (
        (
            "Capacity is unavailable at this time. Please try again later or in a different"
            " availability zone"
        ),
        "capacity",
    ),
    ("RESOURCE:ENI", "capacity"),
    ("AGENT", "capacity"),
    ("EMPTY CAPACITY PROVIDER", "capacity"),
    ("NO ACTIVE INSTANCES", "capacity"),
    ("MemberOf placement constraint unsatisfied.", "placement"),
    (
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after 1m",
        "infrastructure",
    ),
    ("CannotStartContainerError: failed to get container status", "container-start"),
    ("CannotCreateContainerError: API error (400): no such image layer", "container-start"),
    ("Something that nobody has seen", "other"),
]


@pytest.mark.parametrize(("text", "cause"), TEXTS)
def test_a_text_tells_one_cause_of_a_failed_start_from_another(text: str, cause: str) -> None:
    found = cause_of(never_started(text=text).run)
    assert (found.name, found.ran, found.restartable) == (cause, False, CAUSES[cause].heals)


@pytest.mark.parametrize(("text", "cause"), TEXTS)
def test_the_text_of_a_container_tells_the_same(text: str, cause: str) -> None:
    containers = (Container(name="app", reason=text), Container(name="side"))
    seen = never_started(text="Task failed to start", containers=containers)
    assert cause_of(seen.run).name == cause


@pytest.mark.parametrize("name", sorted(CAUSES))
def test_every_cause_that_heals_has_a_number_of_attempts_and_no_other(name: str) -> None:
    assert (name in START_ATTEMPTS) is CAUSES[name].heals


def test_every_text_names_a_cause_and_a_source() -> None:
    assert {row.hint for row in stops._TEXTS} <= set(CAUSES)
    assert all("https://docs.aws.amazon.com/" in row.source for row in stops._TEXTS)


@pytest.mark.parametrize(
    ("code", "name", "restartable"),
    [
        ("SpotInterruption", "spot", True),
        ("TerminationNotice", "infrastructure", True),
        ("InfrastructureHealth", "infrastructure", True),
        ("UserInitiated", "user", False),
        ("ServiceSchedulerInitiated", "scheduler", False),
        ("EssentialContainerExited", "other", False),
        ("SomethingNew", "other", False),
        ("", "other", False),
    ],
)
def test_before_the_start_the_stop_code_decides(code: str, name: str, *, restartable: bool) -> None:
    found = cause_of(never_started(text="unknown words", stop_code=code).run)
    assert (found.name, found.restartable) == (name, restartable)


def test_a_known_text_decides_where_there_is_no_stop_code_but_not_against_one() -> None:
    assert cause_of(never_started(stop_code="").run).restartable
    assert not cause_of(never_started(stop_code="EssentialContainerExited").run).restartable
    assert not cause_of(never_started(stop_code="UserInitiated").run).restartable


@pytest.mark.parametrize(
    "code", ["TaskFailedToStart", "SpotInterruption", "InfrastructureHealth", ""]
)
@pytest.mark.parametrize(
    "ran",
    [
        {"started_at": 1.0},
        {"containers": (Container(name="app"), Container(name="side", ran=True))},
    ],
)
def test_a_task_of_which_a_container_ran_is_never_restartable(
    code: str, ran: dict[str, Any]
) -> None:
    found = cause_of(never_started(stop_code=code, **ran).run)
    assert found.ran
    assert not found.restartable


def test_a_stop_by_the_limit_is_recognised_by_its_text() -> None:
    text = f"{stops.STOP_REASON_PREFIX}maxRuntime of 30m exceeded"
    assert stops.stopped_for_limit(ended(stop_code="UserInitiated", stop_reason=text).run)
    assert not stops.stopped_for_limit(ended(stop_code="SpotInterruption", stop_reason=text).run)
    assert not stops.stopped_for_limit(running().run)


def test_what_the_full_text_said_counts_after_it_was_shortened() -> None:
    run = Run(arn="a", status="STOPPED", stop_code="TaskFailedToStart", hint="access-denied")
    assert cause_of(run).name == "access-denied"
