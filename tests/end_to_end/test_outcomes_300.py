"""300 messages of all kinds at once: every key has its fate, and no secret leaks.

What ECS does is the stand-in's, and no evidence about AWS.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.message.idempotency import started_by
from function.outcomes.states import State
from tests.end_to_end.outcome_kinds import (
    CANARY,
    MAX_AT_ONCE,
    SIDECAR,
    Fate,
    Kind,
    fates,
    kinds,
)
from tests.end_to_end.outcome_stage import OutcomeStage, deploy_outcomes
from tests.end_to_end.stage import NETWORK, STAGE, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rehearsal.fault_injection import FaultyEmulator

# Tasks of somebody else in the same cluster.
FOREIGN: Final = ("ecs-svc/0123456789", "ecs-run-task/prod/over-runtime-0", "somebody")


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Kind]:
    return kinds(tmp_path_factory.mktemp("counts"))


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture(scope="module")
def spied(outcomes: OutcomeStage) -> str:
    """Return the URL of a queue that keeps all that is sent to the events queue."""
    return outcomes.spy()


@pytest.fixture(scope="module")
def foreign(outcomes: OutcomeStage) -> list[str]:
    return [run_foreign(outcomes, name) for name in FOREIGN]


@pytest.fixture(scope="module")
def found(
    outcomes: OutcomeStage, all_kinds: Sequence[Kind], spied: str, foreign: list[str]
) -> Mapping[str, Fate]:
    """Return the fate of each key, after all messages were sent."""
    assert spied
    assert foreign
    outcomes.send(all_kinds)
    return outcomes.settled(fates(all_kinds))


def run_foreign(outcomes: OutcomeStage, name: str) -> str:
    """Start a task that runs for long, as somebody else."""
    override = {"name": "report", "command": ["sleep", "600"]}
    answer = outcomes.stage.client("ecs").run_task(
        cluster="batch",
        taskDefinition="report",
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        startedBy=name,
        overrides={"containerOverrides": [override]},
    )
    return str(answer["tasks"][0]["taskArn"])


def test_there_are_300_messages(all_kinds: Sequence[Kind]) -> None:
    assert sum(kind.keys * kind.copies for kind in all_kinds) == 300
    assert len(all_kinds) >= 15


def test_every_key_has_its_fate(all_kinds: Sequence[Kind], found: Mapping[str, Fate]) -> None:
    expected = fates(all_kinds)
    assert {key: found.get(key) for key in expected} == expected
    assert found.keys() == expected.keys()


def test_ecs_has_started_exactly_the_tasks_that_were_expected(
    outcomes: OutcomeStage, all_kinds: Sequence[Kind], found: Mapping[str, Fate]
) -> None:
    expected = fates(all_kinds)
    assert found
    started = Counter({key: len(outcomes.tasks_of(key)) for key in expected})
    assert started == Counter({key: fate.tasks for key, fate in expected.items()})
    mine = started_by(STAGE, "")
    calls = outcomes.stage.emulator.calls("RunTask")
    arns = {arn for call in calls if call.started_by.startswith(mine) for arn in call.tasks}
    assert len(arns) == sum(fate.tasks for fate in expected.values())


def test_limited_tasks_are_never_more_at_once(
    outcomes: OutcomeStage, found: Mapping[str, Fate]
) -> None:
    assert found
    tasks = outcomes.described("limited-")
    changes = sorted(
        [(task["createdAt"], 1) for task in tasks] + [(task["stoppedAt"], -1) for task in tasks]
    )
    at_once, most = 0, 0
    for _, change in changes:
        at_once += change
        most = max(most, at_once)
    assert most == MAX_AT_ONCE


def test_injected_container_is_listed_and_does_not_decide(
    outcomes: OutcomeStage, found: Mapping[str, Fate]
) -> None:
    assert found
    (run,) = outcomes.histories()["exit-0-0"].runs
    assert {one.name: one.exit_code for one in run.containers} == {
        "report": 0,
        "log-router": 0,
        SIDECAR: 137,
    }


def test_next_provider_is_tried_where_the_first_has_no_capacity(
    outcomes: OutcomeStage, found: Mapping[str, Fate]
) -> None:
    assert found
    assert {task["capacityProviderName"] for task in outcomes.described("capacity-")} == {"FARGATE"}


def test_payload_is_stored_once_and_its_task_knows_where(
    outcomes: OutcomeStage, found: Mapping[str, Fate]
) -> None:
    assert found
    names = outcomes.payloads()
    assert Counter(name.split("/")[1] for name in names) == Counter(
        key for key in found if key.startswith("payload-")
    )
    (task,) = outcomes.described("payload-0")
    (shown,) = (one for one in task["overrides"]["containerOverrides"] if one["name"] == "report")
    environment = {item["name"]: item["value"] for item in shown["environment"]}
    bucket = outcomes.stage.outputs["payloadBucket"]
    uri = environment["ECS_RUN_TASK_PAYLOAD_URI"]
    assert uri.removeprefix(f"s3://{bucket}/") in names
    assert outcomes.read_as_task(uri) == environment["ECS_RUN_TASK_PAYLOAD_SHA256"]


def test_waiting_is_no_failure_and_nothing_is_left(
    outcomes: OutcomeStage, all_kinds: Sequence[Kind], found: Mapping[str, Fate]
) -> None:
    assert found
    stage = outcomes.stage
    rejected = {key for key, fate in fates(all_kinds).items() if fate.state is State.REJECTED}
    letters = stage.queued(stage.outputs["deadLetterQueueUrl"])
    assert sorted(letter.attributes["key"] for letter in letters) == sorted(rejected)
    assert wait_for(lambda: not stage.queued(stage.outputs["queueUrl"]))
    assert stage.queued(stage.outputs["eventsDeadLetterQueueUrl"]) == []


def test_each_key_is_reported(outcomes: OutcomeStage, found: Mapping[str, Fate]) -> None:
    results = {
        result["key"]: result
        for one in outcomes.stage.queued(outcomes.stage.outputs["resultsQueueUrl"])
        for result in [json.loads(one.body)]
    }
    assert {
        key: (result["state"], result["reason"], result["exitCode"], len(result["tasks"]))
        for key, result in results.items()
    } == {
        key: (str(fate.state), fate.reason, fate.exit_code, fate.tasks)
        for key, fate in found.items()
    }


def test_group_of_the_sender_is_kept(outcomes: OutcomeStage, found: Mapping[str, Fate]) -> None:
    assert found
    histories = outcomes.histories()
    asked, rejection = histories["exit-7-0"].asked, histories["invalid-0"].rejection
    assert asked
    assert asked.group == "tenant-exit-7"
    assert rejection
    assert rejection.group == "tenant-invalid"


def test_person_is_told_of_each_reason_once_at_first(
    outcomes: OutcomeStage, found: Mapping[str, Fate]
) -> None:
    told = outcomes.notices()
    first = Counter((notice["state"], notice["reason"]) for notice in told if notice["count"] == 1)
    announced = {
        (str(fate.state), fate.reason)
        for fate in found.values()
        if fate.state is not State.SUCCEEDED
    }
    assert set(first) == announced
    assert set(first.values()) == {1}


def test_tasks_of_others_are_not_touched(
    outcomes: OutcomeStage, found: Mapping[str, Fate], foreign: list[str]
) -> None:
    assert found
    tasks = outcomes.stage.client("ecs").describe_tasks(cluster="batch", tasks=foreign)["tasks"]
    assert [task["lastStatus"] for task in tasks] == ["RUNNING"] * len(FOREIGN)
    text = json.dumps(outcomes.items())
    assert not any(arn in text for arn in foreign)


def test_no_secret_is_anywhere(
    outcomes: OutcomeStage, found: Mapping[str, Fate], spied: str
) -> None:
    assert found
    stage = outcomes.stage
    events = [one.body for one in stage.queued(spied)]
    assert len(events) > len(found)
    places: dict[str, Any] = {
        "items": outcomes.items(),
        "events": events,
        "events queue": [one.body for one in stage.queued(stage.outputs["eventsQueueUrl"])],
        "results": [one.body for one in stage.queued(stage.outputs["resultsQueueUrl"])],
        "notices": outcomes.notices(),
        "log and metrics": outcomes.log(),
        "object names": outcomes.payloads(),
    }
    assert [place for place, content in places.items() if CANARY in json.dumps(content)] == []
    assert all(places[name] for name in ("items", "results", "notices", "log and metrics"))
