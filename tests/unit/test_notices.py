"""What a person is told of keys that ended badly, and how often."""

from __future__ import annotations

import json
from typing import Any

import pytest

from function.outcomes.effects import EffectError
from function.outcomes.history import History
from function.outcomes.states import State
from tests.model.dynamodb import Away
from tests.unit.fakes import client_error
from tests.unit.outcomes_rig import OutcomesRig, outcome_settings

WINDOW = 900


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def fail(rig: OutcomesRig, *numbers: int, code: int = 7) -> None:
    for number in numbers:
        key = f"job-{number}"
        rig.feed(rig.launched(number, key=key), rig.exited(number, code, key))


def test_a_failure_is_told_with_cause_cure_and_where_to_look(rig: OutcomesRig) -> None:
    fail(rig, 1)

    (notice,) = rig.sns.notifications
    assert notice["stage"] == "dev"
    assert (notice["state"], notice["reason"], notice["exitCode"]) == ("failed", "exit-code", 7)
    assert (notice["key"], notice["count"]) == ("job-1", 1)
    assert all(notice[name] for name in ("what", "cause", "cure"))
    assert notice["command"] == "runtask status job-1 --stage dev"
    page = "https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/batch/tasks/"
    assert notice["task"].startswith(page)
    assert notice["log"].startswith(page)
    assert rig.sns.published[0]["Subject"] == "ecs-run-task dev: message failed, exit-code"


def test_a_success_is_not_told(rig: OutcomesRig) -> None:
    fail(rig, 1, code=0)

    assert rig.sns.published == []


def test_a_rejection_is_told_without_its_error(rig: OutcomesRig) -> None:
    rig.feed(rig.rejection())

    (notice,) = rig.sns.notifications
    assert (notice["state"], notice["reason"]) == ("rejected", "bad-value")
    assert notice["messageId"] == "message-1"
    assert "task" not in notice
    assert "canary" not in json.dumps(rig.sns.published) + rig.log_text.getvalue()


def test_a_state_that_is_not_to_be_announced_is_not() -> None:
    rig = OutcomesRig(settings=outcome_settings(ANNOUNCE='["timed-out"]'))

    fail(rig, 1)

    assert rig.sns.published == []


def test_ten_thousand_failures_are_told_with_counts(rig: OutcomesRig) -> None:
    notices = rig.notices()
    for number in range(10_000):
        notices.tell(History(key=f"job-{number}", state=State.FAILED, reason="exit-code"))
    assert len(rig.sns.published) == 1
    rig.clock.now += WINDOW

    rig.sweep()

    first, others = rig.sns.notifications
    assert (first["count"], others["count"]) == (1, 9999)
    assert len(set(others["keys"])) == 5
    assert others["command"] == f"runtask status {others['keys'][0]} --stage dev"
    assert rig.sns.published[1]["Subject"] == ("ecs-run-task dev: 9999 messages failed, exit-code")


def test_before_its_end_a_window_is_not_told(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    rig.clock.now += WINDOW - 61

    rig.sweep()

    assert len(rig.sns.published) == 1


def test_each_reason_has_a_window_of_its_own(rig: OutcomesRig) -> None:
    fail(rig, 1)
    rig.feed(
        rig.launched(2, key="other"),
        rig.task(2, "STOPPED", "other", stopCode="UserInitiated"),
    )

    assert [notice["state"] for notice in rig.sns.notifications] == ["failed", "stopped"]


def test_after_a_window_with_failures_the_next_one_is_told_at_its_end(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    rig.clock.now += WINDOW
    rig.sweep()
    fail(rig, 3)
    assert [notice["count"] for notice in rig.sns.notifications] == [1, 1]
    rig.clock.now += WINDOW

    rig.sweep()

    assert [notice.get("keys") for notice in rig.sns.notifications] == [None, ["job-2"], ["job-3"]]


def test_after_a_quiet_window_a_failure_is_told_at_once(rig: OutcomesRig) -> None:
    fail(rig, 1)
    rig.clock.now += WINDOW
    rig.sweep()
    assert rig.store.listed("notice", None, 10) == []

    fail(rig, 2)

    assert [notice["key"] for notice in rig.sns.notifications] == ["job-1", "job-2"]


def test_without_sweeps_a_quiet_window_ends_by_itself(rig: OutcomesRig) -> None:
    fail(rig, 1)
    rig.clock.now += WINDOW + 1

    fail(rig, 2)

    assert len(rig.sns.published) == 2


def test_what_waits_is_told_even_if_the_window_has_long_ended(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    rig.clock.now += 10 * WINDOW
    fail(rig, 3)
    assert len(rig.sns.published) == 1

    rig.sweep()

    assert rig.sns.notifications[-1]["keys"] == ["job-2", "job-3"]


def test_a_notice_that_was_not_published_is_counted_for_the_next(rig: OutcomesRig) -> None:
    rig.sns.error = client_error("ThrottledException", "x", "Publish")
    fail(rig, 1)
    assert [effect.kind for effect in rig.history("job-1").todo] == ["notice"]
    rig.sns.error = None
    rig.sweep()
    assert rig.sns.published == []
    rig.clock.now += WINDOW

    rig.sweep()

    assert rig.sns.notifications[0]["keys"] == ["job-1"]


def test_a_summary_that_was_not_published_is_told_with_the_next(rig: OutcomesRig) -> None:
    fail(rig, 1, 2, 3)
    rig.sns.error = client_error("ThrottledException", "x", "Publish")
    rig.clock.now += WINDOW
    rig.sweep()
    rig.sns.error = None
    fail(rig, 4)
    rig.clock.now += WINDOW

    assert rig.sweep() == []
    rig.clock.now += WINDOW
    assert rig.sweep() == []

    told = [(notice["count"], notice.get("keys")) for notice in rig.sns.notifications]
    assert told == [(1, None), (3, ["job-2", "job-3", "job-4"])]


def test_a_summary_that_was_not_published_is_told_after_a_quiet_window(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    rig.sns.error = client_error("ThrottledException", "x", "Publish")
    rig.clock.now += WINDOW
    rig.sweep()
    rig.sns.error = None
    rig.clock.now += WINDOW

    rig.sweep()

    assert rig.sns.notifications[-1]["keys"] == ["job-2"]


def test_a_window_that_the_index_still_has_as_ended_is_not_told(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    rig.table.items["notice/failed/exit-code"]["listed_at"] = {"N": "1"}

    rig.sweep()

    assert len(rig.sns.published) == 1


def test_two_sweeps_tell_of_a_window_once(rig: OutcomesRig) -> None:
    fail(rig, 1, 2)
    other = OutcomesRig(clock=rig.clock, sns=rig.sns, table=rig.table)
    rig.clock.now += WINDOW
    rig.wire.calls.clear()
    meanwhile = rig.wire.call
    begun = False

    def call(operation: str, effect: Any) -> Any:
        nonlocal begun
        if operation == "UpdateItem" and not begun:
            begun = True
            other.feed({"event": "sweep"})
        return meanwhile(operation, effect)

    rig.wire.call = call  # type: ignore[method-assign]

    rig.sweep()

    assert begun
    assert [notice["count"] for notice in rig.sns.notifications] == [1, 1]


def test_with_the_table_away_one_of_a_reason_is_told_and_the_others_wait(rig: OutcomesRig) -> None:
    notices = rig.notices()
    rig.table.away = Away.THROTTLED
    notices.tell(History(key="job-1", state=State.FAILED, reason="exit-code"))
    notices.tell(History(key="job-2", state=State.STOPPED, reason="user"))

    with pytest.raises(EffectError):
        notices.tell(History(key="job-3", state=State.FAILED, reason="exit-code"))

    assert [notice["key"] for notice in rig.sns.notifications] == ["job-1", "job-2"]
    rig.clock.now += WINDOW
    notices.tell(History(key="job-3", state=State.FAILED, reason="exit-code"))
    assert len(rig.sns.published) == 3
