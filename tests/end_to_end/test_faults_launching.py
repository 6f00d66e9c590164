"""Messages that launch, however they are written and however often they are delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.limits import MAX_MESSAGE_BYTES
from rehearsal.sample_account import SERVICE
from tests.end_to_end.message_history import EndState, launched, rejected
from tests.end_to_end.stage import NETWORK, READINGS, Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory

# Longer than the visibility timeout of the test, shorter than the handler waits for an answer.
SLOW_CALL_SECONDS: Final = 2.0


def greeting(text: str) -> dict[str, Any]:
    """Return overrides whose container ends with 0 only if it is given this text."""
    override = {
        "name": "report",
        "command": ["sh", "-c", 'test "$GREETING" = "$EXPECTED"'],
        "environment": [
            {"name": "GREETING", "value": text},
            {"name": "EXPECTED", "value": text},
        ],
    }
    return {"containerOverrides": [override]}


APOSTROPHES: Final = "L'été d'Anaïs: 'quoted' and \"double\""
UNICODE: Final = "Zoë\u2028報告 · отчёт · 🚀 · \u202eعربى"

BODIES: Final = {
    "dict-literal": str({**json.loads(task()), "SQS_Retries": 3}),
    "apostrophes": str(
        {
            "ECS": {
                **json.loads(task())["ECS"],
                "overrides": greeting(APOSTROPHES),
                "enableExecuteCommand": True,
            }
        }
    ),
    "unicode": task(overrides=greeting(UNICODE)),
    "nulls": task(
        overrides=None, service=None, group=None, tags=None, platformVersion=None, count=None
    ),
    "inner-nulls": task(
        overrides={
            "cpu": None,
            "containerOverrides": [{"name": "report", "command": None, "environment": None}],
        },
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": NETWORK["awsvpcConfiguration"]["subnets"],
                "securityGroups": None,
            }
        },
        service=SERVICE,
    ),
    "no-name": task(overrides={"containerOverrides": [{"command": ["true"]}]}),
    "mebibyte": task().ljust(MAX_MESSAGE_BYTES - len("keyStringmebibyte")),
}


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    stage = deploy(emulator)
    for reading in READINGS:
        stage.add_cluster(f"pool-{reading}", READINGS[reading])
    return stage


@pytest.fixture(scope="module")
def histories(stage: Stage) -> Mapping[str, MessageHistory]:
    return stage.settle(*[stage.send(body, key) for key, body in BODIES.items()])


def overridden(history: MessageHistory) -> dict[str, Any]:
    """Return the override of a task's container; ECS shows the others too, by their names."""
    shown = history.tasks[0]["overrides"]["containerOverrides"]
    return next(dict(one) for one in shown if one["name"] == "report")


def environment(history: MessageHistory) -> dict[str, str]:
    override = overridden(history)
    return {item["name"]: item["value"] for item in override["environment"]}


def test_python_dict_literal_launches(histories: Mapping[str, MessageHistory]) -> None:
    assert not BODIES["dict-literal"].startswith('{"')
    assert histories["dict-literal"].end == launched()


def test_apostrophes_in_a_dict_literal_arrive_whole(
    histories: Mapping[str, MessageHistory],
) -> None:
    assert histories["apostrophes"].end == launched()
    assert environment(histories["apostrophes"])["GREETING"] == APOSTROPHES


def test_unicode_arrives_whole(histories: Mapping[str, MessageHistory]) -> None:
    assert histories["unicode"].end == launched()
    assert environment(histories["unicode"])["GREETING"] == UNICODE


def test_null_overrides_launch_as_if_they_were_not_there(
    histories: Mapping[str, MessageHistory],
) -> None:
    assert histories["nulls"].end == launched()
    shown = histories["nulls"].tasks[0]["overrides"]["containerOverrides"]
    assert [one.keys() for one in shown] == [{"name"}, {"name"}]


def test_nulls_inside_of_overrides_and_network_launch(
    histories: Mapping[str, MessageHistory],
) -> None:
    assert histories["inner-nulls"].end == launched()
    override = overridden(histories["inner-nulls"])
    assert override == {"name": "report"}


def test_override_without_a_name_goes_to_the_essential_container_not_the_sidecar(
    histories: Mapping[str, MessageHistory],
) -> None:
    assert histories["no-name"].end == launched()
    override = overridden(histories["no-name"])
    assert override == {"name": "report", "command": ["true"]}


def test_body_of_a_mebibyte_launches_where_it_is_valid(
    histories: Mapping[str, MessageHistory],
) -> None:
    assert len(histories["mebibyte"].sent.body) > 1_048_500
    assert histories["mebibyte"].end == launched()


def test_nothing_was_delivered_twice_or_announced(histories: Mapping[str, MessageHistory]) -> None:
    assert [history.answers for history in histories.values()] == [[""]] * len(BODIES)
    assert [history.notifications for history in histories.values()] == [()] * len(BODIES)


def test_several_tasks_are_started_by_one_call(stage: Stage, reading: str) -> None:
    sent = stage.send(task(cluster=f"pool-{reading}", count=10), f"ten-{reading}")
    history = stage.settle(sent)[sent.key]
    assert history.end == launched(10)
    assert [len(call.tasks) for call in history.calls] == [10]


def test_two_messages_of_one_key_start_one_task(stage: Stage, reading: str) -> None:
    key, body = f"twin-{reading}", task(cluster=f"pool-{reading}")
    first, second = stage.send(body, key), stage.send(body, key)
    assert stage.settle(first, second)[key].end == launched()
    history = stage.histories(first)[key]
    assert history.end == launched()
    assert history.answers == ["", ""]
    assert len({call.tasks for call in history.calls}) == 1


def test_second_message_of_a_key_that_asks_for_something_else_is_rejected(
    stage: Stage, reading: str
) -> None:
    key, cluster = f"changed-{reading}", f"pool-{reading}"
    first = stage.send(task(cluster=cluster), key)
    assert stage.settle(first)[key].end == launched()
    second = stage.send(task(cluster=cluster, group="other"), key)
    history = stage.settle(second)[key]
    assert history.end == EndState(
        tasks=1, dead_letters=rejected(second, "key-reused").dead_letters
    )
    assert history.answers == [""]


def test_message_delivered_again_while_it_is_processed_starts_one_task(
    stage: Stage, reading: str
) -> None:
    key, hidden = f"overtaken-{reading}", stage.hidden_seconds()
    stage.hide_for(1)
    stage.fail(key, delay_seconds=SLOW_CALL_SECONDS)
    sent = stage.send(task(cluster=f"pool-{reading}"), key)
    assert wait_for(stage.received(sent, times=2))
    stage.hide_for(hidden)
    assert wait_for(stage.answered(key, times=2))
    history = stage.settle(sent)[key]
    assert history.end == launched()
    assert len({call.tasks for call in history.calls}) == 1


def test_one_bad_message_of_ten_fails_alone(stage: Stage) -> None:
    with stage.one_batch():
        good = [stage.send(task(), f"good-{number}") for number in range(9)]
        bad = stage.send(task(count="many"), "bad")
    histories = stage.settle(bad, *good)
    assert [histories[one.key].end for one in good] == [launched()] * 9
    assert [histories[one.key].answers for one in good] == [[""]] * 9
    assert histories["bad"].end == rejected(bad, "wrong-type")
    assert histories["bad"].error.startswith("ECS.count: expected a whole number")
    lines = stage.log_lines("message launched") + stage.log_lines("message rejected")
    ids = {one.message_id for one in (bad, *good)}
    invocations = [line["request_id"] for line in lines if line["message_id"] in ids]
    assert len(invocations) == 10
    assert len(set(invocations)) == 1
