"""`runtask verify` of a stage on the embedded AWS: what it finds, and that nothing is left."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rehearsal.emulator import KEPT, RETRIED
from rehearsal.sample_account import CLUSTER, SampleAccount
from rehearsal.verification import StageVerification, verify_stage
from runtask.verification.verify import PROBES
from tests.end_to_end.accounts import DEV, Accounts, two_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWERED = {"conflict-names-tasks", "token-replays-failures", "tag-delay"}


@contextmanager
def dev(more: str = "") -> Iterator[Accounts]:
    """Deploy the dev stage, with more in its file, to an account with the sample task."""
    with two_accounts("dev-bootstrap") as accounts:
        path = accounts.project.stack_file("dev")
        path.write_text(accounts.file("dev") + more, encoding="utf-8")
        location = accounts.project.stage_config("dev").location
        SampleAccount(emulator=accounts.emulator, location=location).create()
        accounts.engine.up("dev")
        yield accounts


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with dev() as deployed:
        yield deployed


@pytest.fixture(scope="module")
def verification(accounts: Accounts) -> StageVerification:
    return verified(accounts)


def verified(accounts: Accounts) -> StageVerification:
    location = accounts.project.stage_config("dev").location
    return verify_stage("dev", location, accounts.context())


def test_every_probe_is_answered(verification: StageVerification) -> None:
    found = {one.name: one.finding.status.value for one in verification.results}
    assert list(found) == list(PROBES)
    assert "skipped" not in found.values()
    assert found == dict.fromkeys(PROBES, "pass") | dict.fromkeys(ANSWERED, "answered")
    assert verification.check.passed


def test_the_answers_are_recorded(verification: StageVerification) -> None:
    facts = {one["name"]: one["facts"] for one in verification.report["probes"]}
    assert facts["canary"]["exitCodes"] == [0]
    assert facts["rejected-message"]["reason"] == "unknown-parameter"
    assert facts["conflict-names-tasks"]["namesTheCanary"] is True
    for name in ("run-task-permission", "pass-role-permission"):
        assert facts[name]["configured"] > 0
        assert facts[name]["denied"] == 0
    # What the stand-in does, which says nothing about AWS.
    assert facts["token-replays-failures"] == {
        "replaysFailures": True,
        "reason": "MemberOf placement constraint unsatisfied.",
    }
    assert facts["tag-delay"]["secondsToGrant"] is not None


def test_the_report_names_nobody(verification: StageVerification) -> None:
    text = json.dumps(verification.report)
    for secret in (r"\d{12}", "arn:", "ecs-run-task-dev", "report-task", r"\bdev\b", "service"):
        assert not re.search(secret, text), secret


def test_nothing_is_left(accounts: Accounts, verification: StageVerification) -> None:
    assert verification.results
    outputs = accounts.engine.outputs("dev")
    sqs = accounts.client("sqs", DEV)
    waiting = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for name in ("queueUrl", "deadLetterQueueUrl"):
        found = sqs.get_queue_attributes(QueueUrl=outputs[name], AttributeNames=waiting)
        assert set(found["Attributes"].values()) == {"0"}
    tags = sqs.list_queue_tags(QueueUrl=outputs["queueUrl"])["Tags"]
    assert not [tag for tag in tags if tag.startswith("verify-")]
    ecs = accounts.client("ecs", DEV)
    assert ecs.list_tasks(cluster="batch")["taskArns"] == []
    assert ecs.list_attributes(cluster="batch", targetType="container-instance")["attributes"] == []


def test_a_second_verification_finds_the_same(
    accounts: Accounts, verification: StageVerification
) -> None:
    again = verified(accounts)
    assert [one.finding.status for one in again.results] == [
        one.finding.status for one in verification.results
    ]


def test_the_other_reading_is_told_from_the_first(accounts: Accounts) -> None:
    accounts.emulator.set_reading(CLUSTER, RETRIED)
    try:
        found = verified(accounts)
    finally:
        accounts.emulator.set_reading(CLUSTER, KEPT)
    facts = {one["name"]: one["facts"] for one in found.report["probes"]}
    assert found.check.passed
    assert facts["conflict-names-tasks"]["namesTheCanary"] is False
    assert facts["token-replays-failures"]["replaysFailures"] is False


def test_a_mapping_that_was_changed_by_hand_is_named(accounts: Accounts) -> None:
    functions = accounts.client("lambda", DEV)
    (mapping,) = (
        one
        for one in functions.list_event_source_mappings()["EventSourceMappings"]
        if one["EventSourceArn"].endswith(":ecs-run-task-dev")
    )
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=5)
    try:
        found = verified(accounts).check.found
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=10)
    assert found == "event-source-mapping: event source mapping: batch size is 5, expected 10"


def test_a_fifo_stage_is_verified_as_well() -> None:
    with dev("  ecs-run-task:fifo: true\n") as fifo:
        found = verified(fifo)
    assert found.check.found == ""
    assert found.report["fifo"] is True


def test_without_the_client_token_the_probe_that_fails_is_idempotency(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler(
        "message/builder.py", "        _CLIENT_TOKEN: client_token(key, stage, attempt),\n", ""
    )
    with dev() as broken:
        found = verified(broken)
    failed = [one.name for one in found.results if one.finding.status.value == "fail"]
    assert failed == ["idempotency"]
    assert "started 2 tasks, expected 1" in found.check.found
    assert found.report["result"] == "fail"
