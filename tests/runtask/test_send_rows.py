"""Rows that fill in a message, and the keys and groups of what they become."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runtask.messages import Message, read_input
from tests.runtask.send_files import JOB, refusal, sent

if TYPE_CHECKING:
    from tests.runtask.conftest import Write

TEMPLATE = JOB.format(cpu='"{cpu}"', month="{month}")


def test_each_row_is_a_message(write: Write) -> None:
    rows = write("rows.csv", 'month,cpu\n05,1024\n\n"0,\n6",2048\n')

    messages = read_input([write("job.yaml", TEMPLATE)], each=rows).messages

    assert [one.source for one in messages] == ["rows.csv:2", "rows.csv:4"]
    overrides = [json.loads(one.body)["ECS"]["overrides"] for one in messages]
    assert [one["cpu"] for one in overrides] == ["1024", "2048"]
    assert [one["containerOverrides"][0]["environment"][0]["value"] for one in overrides] == [
        "05",
        "0,\n6",
    ]


@pytest.mark.parametrize("count", ['"{n}"', "{n}"])
def test_a_column_is_a_number_where_one_is_expected(write: Write, count: str) -> None:
    template = write(
        "job.yaml", f"taskDefinition: report-{{n}}\ncount: {count}\ncluster: '{{n}}'\n"
    )

    (message,) = sent([template], each=write("rows.csv", "n\n5\n"))

    assert message == {"taskDefinition": "report-5", "count": 5, "cluster": "5"}


def test_other_braces_are_left_alone(write: Write) -> None:
    text = """command: ["echo ${{HOME}} {} {1} {{}} '{\\"a\\": 1}' {n}"]\n"""

    (message,) = sent([write("job.yaml", text)], each=write("rows.csv", "n\n5\n"))

    assert message["command"] == ["echo ${HOME} {} {1} {{}} '{\"a\": 1}' 5"]


def test_a_missing_column_is_named_with_line_and_path(write: Write) -> None:
    error = refusal([write("job.yaml", TEMPLATE)], each=write("rows.csv", "month,size\n05,1\n"))

    assert error == (
        "job.yaml:7: ECS.overrides.cpu: no column cpu in rows.csv:1; found month, size"
    )


def test_an_error_in_a_row_names_the_row_and_the_line_of_the_template(write: Write) -> None:
    template = write("job.yaml", "taskDefinition: report\ncluster: batch\ncount: '{n}'\n")

    error = refusal([template], each=write("rows.csv", "n\n1\n2\nmany\n"))

    assert "job.yaml:3 (rows.csv:4): ECS.count: expected a whole number, got a string" in error
    assert "rows.csv:3" not in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3\n", "rows.csv:3: found 1 values; the first line names 2 columns"),
        ("a,a\n1,2\n", "rows.csv:1: column a is there twice"),
        ("a\n", "rows.csv: no rows"),
        ("", "rows.csv: no rows"),
        ('a\n"b\n', "rows.csv:2: not CSV"),
        ("a\n\0\n", "rows.csv:2: not text"),
    ],
)
def test_rows_that_cannot_be_read_say_where(write: Write, text: str, expected: str) -> None:
    assert expected in refusal([write("job.yaml", "a: b\n")], each=write("rows.csv", text))


def test_tabs_separate_the_values_of_a_tsv_file(write: Write) -> None:
    rows = write("rows.tsv", "a\tb\n1,2\t3\n")

    assert sent([write("job.yaml", "x: '{a}-{b}'\n")], each=rows) == [{"x": "1,2-3"}]


# --- Keys and groups


def keys(messages: tuple[Message, ...]) -> list[str]:
    return [message.key for message in messages]


def test_the_keys_of_a_run_are_its_own_and_the_same_each_time(write: Write) -> None:
    source = read_input([write("job.yaml", "a: b\n")], each=write("rows.csv", "n\n1\n1\n2\n"))

    first, again, other = (keys(source.with_keys(run)) for run in ("a", "a", "b"))

    assert first == again
    assert len({*first, *other}) == 6


def test_a_column_holds_the_keys(write: Write) -> None:
    source = read_input(
        [write("job.yaml", "a: b\n")],
        each=write("rows.csv", "id,n\nx,1\ny,2\n"),
        key_column="id",
        group="{n}-{id}",
    )

    messages = source.with_keys("run")

    assert keys(messages) == ["x", "y"]
    assert [message.group for message in messages] == ["1-x", "2-y"]


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        ("id\nx\nx\n", {"key_column": "id"}, "rows.csv:3: column id: the key x is in rows.csv:2"),
        ("id\na b\n", {"key_column": "id"}, "rows.csv:2: column id: expected a key of 1 to 48"),
        ("id\nx\n", {"key_column": "no"}, "--key-column no: no column no in rows.csv:1; found id"),
        ("id\nx\n", {"group": "{no}"}, "--group {no}: no column no in rows.csv:1; found id"),
        ("id\nx\n", {"key": "k"}, "--key k: is for one message; with --each, use --key-column"),
    ],
)
def test_keys_and_groups_that_cannot_be_used_say_why(
    write: Write, rows: str, options: dict[str, str], expected: str
) -> None:
    template = write("job.yaml", "a: b\n")

    assert expected in refusal([template], each=write("rows.csv", rows), **options)


def test_rows_need_exactly_one_message(write: Write) -> None:
    two = write("jobs.yaml", "a: 1\n---\na: 2\n")

    assert "found 2 messages to fill in; expected one" in refusal(
        [two], each=write("rows.csv", "n\n1\n")
    )
