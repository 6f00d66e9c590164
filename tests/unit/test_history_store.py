"""The histories in the table: written beside the ledger's attributes, and listed for the sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from function.failures.reasons import RetryableFailure
from function.ledger import Item, Ledger
from function.limits import EFFECTS_RETRY_SECONDS
from function.outcomes.history import Effect, History
from function.outcomes.states import State
from function.outcomes.store import HistoryStore, OutdatedError
from function.table import Table
from tests.model import dynamodb
from tests.unit.fakes import FakeClock, FakeWire

RETENTION_SECONDS = 1000


class Stored:
    """A store on a table of its own."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.fake = dynamodb.Table(name="ledger")
        self.wire = FakeWire()
        wire: Any = self.wire
        client: Any = dynamodb.DynamoDbClient(wire=wire, table=self.fake)
        self.client, self.table = client, Table(client, "ledger", self.clock)
        self.store = HistoryStore(self.table, RETENTION_SECONDS, self.clock)
        self.ledger = Ledger(self.table, RETENTION_SECONDS, self.clock)

    def write(self, key: str, **changes: Any) -> History:
        old = self.store.load(key)
        return self.store.save(old, replace(old, **changes))


@pytest.fixture
def stored() -> Stored:
    return Stored()


def test_a_history_that_is_not_there_is_empty(stored: Stored) -> None:
    assert stored.store.load("a") == History(key="a")


def test_what_is_saved_is_loaded(stored: Stored) -> None:
    saved = stored.write("a", state=State.RUNNING, todo=(Effect(kind="result"),), due_at=5.5)

    assert saved.revision == 1
    assert stored.store.load("a") == saved


def test_a_write_that_another_preceded_is_refused_with_what_there_is(stored: Stored) -> None:
    old = stored.write("a", state=State.LAUNCHING)
    newer = stored.store.save(old, replace(old, state=State.RUNNING))

    with pytest.raises(OutdatedError) as caught:
        stored.store.save(old, replace(old, state=State.FAILED))

    assert caught.value.history == newer
    assert stored.store.load("a") == newer


def test_two_first_writes_contend(stored: Stored) -> None:
    old = stored.store.load("a")
    stored.store.save(old, replace(old, state=State.RUNNING))

    with pytest.raises(OutdatedError):
        stored.store.save(old, replace(old, state=State.FAILED))


def test_a_write_whose_answer_was_lost_is_recognised(stored: Stored) -> None:
    """Botocore repeats the call, and its condition does not hold any more."""
    update = stored.client.update_item

    class Twice:
        def update_item(self, **call: Any) -> Any:
            update(**call)
            return update(**call)

    twice: Any = Twice()
    store = HistoryStore(Table(twice, "ledger", stored.clock), RETENTION_SECONDS, stored.clock)

    assert store.save(History(key="a"), History(key="a", state=State.RUNNING)).revision == 1


def test_the_item_that_the_ledger_made_keeps_its_attributes(stored: Stored) -> None:
    stored.ledger.create(Item(key="a", request="digest", count=2, tasks=("arn:1",)))

    stored.write("a", state=State.RUNNING)

    item = stored.ledger.read("a")
    assert item is not None
    assert (item.request, item.count, item.tasks) == ("digest", 2, ("arn:1",))
    assert stored.store.load("a").state is State.RUNNING


def test_the_ledger_leaves_the_history_alone(stored: Stored) -> None:
    stored.ledger.create(Item(key="a", request="digest", count=2))
    stored.write("a", state=State.RUNNING)

    stored.ledger.update("a", put={"state": "launched"}, when={"attempt": 0})

    assert stored.store.load("a").state is State.RUNNING


def test_an_expired_item_counts_as_absent_and_is_replaced_with_all_it_had(stored: Stored) -> None:
    stored.ledger.create(Item(key="a", request="digest", count=2, state="launched"))
    stored.write("a", state=State.FAILED)
    stored.clock.now += RETENTION_SECONDS + 2
    assert stored.store.load("a") == History(key="a")

    saved = stored.write("a", state=State.RUNNING)

    assert saved.revision == 1
    assert stored.store.load("a").state is State.RUNNING
    assert "request" not in stored.fake.items["a"]
    assert "state" not in stored.fake.items["a"]


def test_an_item_that_expired_after_it_was_loaded_is_not_continued(stored: Stored) -> None:
    old = stored.write("a", state=State.RUNNING)
    stored.clock.now += RETENTION_SECONDS + 2

    with pytest.raises(OutdatedError) as caught:
        stored.store.save(old, replace(old, state=State.FAILED))

    assert caught.value.history == History(key="a")


def test_each_write_renews_the_time_to_live(stored: Stored) -> None:
    stored.write("a", state=State.RUNNING)
    stored.clock.now += RETENTION_SECONDS - 1
    stored.write("a", state=State.FAILED)
    stored.clock.now += RETENTION_SECONDS - 1

    assert stored.store.load("a").state is State.FAILED


def test_what_is_due_is_listed_the_earliest_first(stored: Stored) -> None:
    for number in (3, 1, 2):
        stored.write(f"key-{number}", state=State.RUNNING, due_at=100.0 + number)
    stored.write("never", state=State.RUNNING)

    found = stored.store.listed("active", until=102.5, limit=10)

    assert found == [("key-1", 101.0), ("key-2", 102.0)]


def test_a_list_of_many_pages_is_read_up_to_its_limit(stored: Stored) -> None:
    for number in range(2500):
        stored.fake.items[f"k{number:04}"] = {
            "key": {"S": f"k{number:04}"},
            "listed": {"S": "active"},
            "listed_at": {"N": str(number)},
        }

    assert len(stored.store.listed("active", None, 10_000)) == 2500
    assert [entry.key for entry in stored.store.listed("active", None, 1)] == ["k0000"]
    assert len(stored.store.listed("active", None, 1500)) == 1500


def test_a_success_is_not_listed_and_a_problem_is_with_its_end(stored: Stored) -> None:
    for key, state in (("good", State.SUCCEEDED), ("bad", State.NEVER_STARTED)):
        stored.write(key, state=State.RUNNING, due_at=1.0)
        stored.write(key, state=state, due_at=None, finished_at=77.0)

    assert stored.store.listed("active", None, 10) == []
    assert stored.store.listed("problem", None, 10) == [("bad", 77.0)]


def test_what_is_left_to_do_is_due_after_the_writer_had_its_time(stored: Stored) -> None:
    stored.write("a", state=State.SUCCEEDED, due_at=100.0, todo=(Effect(kind="result"),))

    assert stored.store.listed("active", None, 10) == [("a", 100.0 + EFFECTS_RETRY_SECONDS)]


@pytest.mark.parametrize("away", list(dynamodb.Away))
def test_the_table_away_is_a_failure_that_passes(stored: Stored, away: dynamodb.Away) -> None:
    stored.fake.away = away
    store = stored.store

    for call in (
        lambda: store.load("a"),
        lambda: store.save(History(key="a"), History(key="a")),
        lambda: store.listed("active", None, 1),
    ):
        with pytest.raises(RetryableFailure, match=r"^table-unavailable"):
            call()
    assert store.failing
