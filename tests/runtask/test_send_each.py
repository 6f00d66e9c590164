"""`runtask send --each` as an operator runs it: the record, the keys, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runtask.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtask.conftest import Run

BODY = json.dumps({"ECS": {"cluster": "batch", "taskDefinition": "report"}})


@pytest.fixture
def rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a template and 25 rows, as the current one."""
    monkeypatch.chdir(folder)
    (folder / "job.yaml").write_text(
        "cluster: batch\nservice: report-service\ntaskDefinition: report\n"
        "referenceId: customer-{id}\n",
        encoding="utf-8",
    )
    lines = "".join(f"{number}\n" for number in range(25))
    (folder / "rows.csv").write_text(f"id\n{lines}", encoding="utf-8")
    return folder


def test_rows_are_recorded_beside_their_file(
    run: Run, queue: Callable[[], list[dict[str, Any]]], rows: Path
) -> None:
    arguments = ("send", "job.yaml", "--each", "rows.csv", "--stage", "dev")
    result = run(*arguments)

    assert result.exit_code == 0, result.exception
    keys = result.stdout.splitlines()
    assert len(set(keys)) == 25
    received = [message for _ in range(5) for message in queue()]
    assert {one["MessageAttributes"]["key"]["StringValue"] for one in received} == set(keys)
    assert {json.loads(one["Body"])["referenceId"] for one in received} == {
        f"customer-{number}" for number in range(25)
    }
    assert (rows / "rows.csv.dev.sent").exists()

    again = run(*arguments)
    assert isinstance(again.exception, UsageError)
    assert "all 25 messages were sent" in str(again.exception)
    assert run(*arguments, "--run", "second").exit_code == 0
    assert not [path for path in rows.glob("*.sent") if path.name != "rows.csv.dev.sent"]


@pytest.mark.usefixtures("queue")
def test_the_same_run_has_the_same_keys_wherever_it_is_sent(run: Run, rows: Path) -> None:
    arguments = ("send", "job.yaml", "--each", "rows.csv", "--stage", "dev", "--run", "monday")
    first = run(*arguments)
    (rows / "rows.csv.dev.sent").unlink()

    assert run(*arguments).stdout == first.stdout


@pytest.mark.usefixtures("queue")
def test_json_names_source_message_and_group(run: Run, rows: Path) -> None:
    assert rows
    result = run(
        "send", "job.yaml", "--each", "rows.csv", "--stage", "dev", "--group", "g{id}", "--json"
    )

    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["source"] for one in found] == [f"rows.csv:{line}" for line in range(2, 27)]
    assert found[3].keys() == {"source", "key", "message_id", "group"}
    assert found[3]["group"] == "g3"


@pytest.mark.usefixtures("queue")
def test_a_wrong_row_keeps_all_from_being_sent(run: Run, rows: Path) -> None:
    with (rows / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("no/reference or what\u00df\n" + "x" * 2000 + "\n")

    result = run("send", "job.yaml", "--each", "rows.csv", "--stage", "dev")

    assert isinstance(result.exception, UsageError)
    assert "job.yaml:4 (rows.csv:28): ECS.referenceId: expected at most 1024" in str(
        result.exception
    )
    assert not (rows / "rows.csv.dev.sent").exists()
    assert result.stdout == ""


def test_a_few_messages_leave_no_record(
    run: Run, queue: Callable[[], list[dict[str, Any]]], rows: Path
) -> None:
    assert run("send", "job.yaml", "--stage", "dev", "--set", "referenceId=x").exit_code == 0
    assert len(queue()) == 1
    assert not list(rows.glob("*.sent"))


@pytest.mark.usefixtures("queue")
def test_many_lines_leave_a_record_beside_the_file_or_where_it_is_wanted(
    run: Run, rows: Path
) -> None:
    (rows / "jobs.jsonl").write_text(f"{BODY}\n" * 11, encoding="utf-8")

    assert run("send", "jobs.jsonl", "--stage", "dev").exit_code == 0
    assert (rows / "jobs.jsonl.dev.sent").exists()
    assert run("send", "jobs.jsonl", "--stage", "dev", "--record", "elsewhere").exit_code == 0
    assert (rows / "elsewhere").exists()
    text = (rows / "jobs.jsonl").read_text(encoding="utf-8")
    assert run("send", "-", "--stage", "dev", stdin=text).exit_code == 0


@pytest.mark.usefixtures("queue")
def test_a_message_of_two_mebibytes_is_refused_by_size(run: Run, rows: Path) -> None:
    (rows / "large.json").write_text(json.dumps({"ECS": {"x": "y" * 2**21}}), encoding="utf-8")

    result = run("send", "large.json", "--stage", "dev")

    assert isinstance(result.exception, UsageError)
    assert "large.json: found a message of 2,097," in str(result.exception)
    assert "SQS takes up to 1,048,576" in str(result.exception)
