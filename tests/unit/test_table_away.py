"""What is launched, and what waits, while the table of the ledger does not answer."""

from __future__ import annotations

import pytest

from tests.model.dynamodb import Away
from tests.unit.fakes import Rig, message

KEY = {"key": "order-17"}


@pytest.mark.parametrize("away", list(Away))
def test_without_the_table_first_deliveries_go_on(rig: Rig, away: Away) -> None:
    rig.table.away = away

    assert rig.run(message()) == []


@pytest.mark.parametrize("away", list(Away))
@pytest.mark.parametrize(
    ("receives", "attributes"), [(2, {}), (1, KEY), (2, KEY)], ids=["again", "key", "key, again"]
)
def test_without_the_table_what_it_may_know_waits(
    rig: Rig, away: Away, receives: int, attributes: dict[str, str]
) -> None:
    rig.table.away = away

    assert rig.run(message(), receives=receives, attributes=attributes) == ["message-0"]

    assert rig.ecs.calls == []
    assert rig.logs[-1]["reason"] == "table-unavailable"
    assert [n["reason"] for n in rig.sns.notifications] == ["table-unavailable"]


def test_an_answer_that_cannot_be_recorded_is_asked_for_again(rig: Rig) -> None:
    rig.table.away = Away.UNREACHABLE
    rig.ecs.script = [1]
    assert rig.run(message(count=3)) == ["message-0"]
    assert rig.logs[-1]["reason"] == "table-unavailable"
    rig.table.away = None
    rig.clock.now += 60
    rig.ecs.script = [1]

    rig.run(message(count=3), receives=2, received=60)
    rig.clock.now += 60
    rig.run(message(count=3), receives=3, received=120)

    assert rig.ecs.count == 3


def test_failures_of_the_table_are_counted(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.table.away = Away.DENIED

    rig.run(message(), attributes=KEY)

    assert '"TableUnavailable":[1' in capsys.readouterr().out.replace(" ", "")
