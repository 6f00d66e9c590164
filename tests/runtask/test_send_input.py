"""What `runtask send` reads: every format, with file, line and parameter of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function.message import builder
from runtask.errors import UsageError
from runtask.input.documents import read_documents
from runtask.input.settings import read_settings
from runtask.messages import Message, read_input
from runtask.project import load_project
from runtask.sending import handler_settings, read_requests
from tests.runtask.conftest import ROOT, Run

JOB = """\
# The nightly report.
ECS:
  cluster: batch
  service: report-service
  taskDefinition: report
  overrides:
    cpu: {cpu}
    containerOverrides:
      - name: report
        environment:
          - name: MONTH
            value: "{month}"
"""

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a file into the current folder, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> str:
        Path(name).write_text(text, encoding="utf-8")
        return name

    return write_file


def refusal(*arguments: Any, **options: Any) -> str:
    """Return the error of messages that cannot be read, or that the handler would reject."""
    with pytest.raises(UsageError) as caught:
        read_requests(
            read_input(*arguments, **options).with_keys("run"),
            load_project(ROOT).stage_config("dev"),
        )
    return str(caught.value)


def sent(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in read_input(*arguments, **options).messages]


# --- Formats


def test_json_lines_are_a_message_a_line(write: Write) -> None:
    name = write("jobs.jsonl", '{"ECS": {"cluster": "a"}}\n\n{"ECS": {"cluster": "b"}}\n')

    messages = read_input([name]).messages

    assert [one.source for one in messages] == ["jobs.jsonl:1", "jobs.jsonl:3"]
    assert [json.loads(one.body)["ECS"]["cluster"] for one in messages] == ["a", "b"]


@pytest.mark.parametrize("name", ["jobs.json", "jobs.txt", "jobs"])
def test_json_lines_are_recognized_without_their_extension(write: Write, name: str) -> None:
    assert len(sent([write(name, '{"a": 1}\n{"a": 2}\n')])) == 2


def test_a_json_file_is_sent_byte_by_byte(write: Write) -> None:
    text = '{"ECS":\t{"cluster": "b\\u00e4tch"}}\n'

    (message,) = read_input([write("job.json", text)]).messages

    assert message.body == text


def test_an_empty_document_is_no_message(write: Write) -> None:
    assert sent([write("jobs.yaml", "---\na: 1\n---\n---\nb: 2\n---\n")]) == [{"a": 1}, {"b": 2}]


def test_a_byte_order_mark_is_no_part_of_a_message(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')

    assert read_documents(str(file))[0].body == '{"a": 1}'


def test_a_character_that_sqs_refuses_is_escaped(write: Write) -> None:
    (message,) = read_input([write("job.yaml", 'a: "\\uffff"')]).messages

    assert message.body == '{"a": "\\uffff"}'
    assert message.body.isascii()


# --- Where an error is


def test_an_error_of_yaml_names_file_line_and_path(write: Write) -> None:
    name = write("jobs.yaml", JOB.format(cpu=1024, month="05"))

    assert (
        'jobs.yaml:7: ECS.overrides.cpu: expected a string such as "1024", got the number 1024'
        in refusal([name])
    )


def test_an_error_in_a_later_document_names_its_line(write: Write) -> None:
    good = JOB.format(cpu='"1024"', month="05")
    name = write("jobs.yaml", f"{good}---\n{JOB.format(cpu=1024, month='05')}")

    assert f"jobs.yaml:{good.count(chr(10)) + 8}: ECS.overrides.cpu: " in refusal([name])


def test_an_error_of_json_names_its_line(write: Write) -> None:
    text = '{\n\t"ECS": {\n\t\t"taskDefinition": "report",\n\t\t"count": "three"\n\t}\n}\n'

    assert "job.json:4: ECS.count: expected a whole number, got a string" in refusal(
        [write("job.json", text)]
    )


def test_an_error_of_json_lines_names_the_line(write: Write) -> None:
    name = write("jobs.jsonl", '{"ECS": {"taskDefinition": "report"}}\n{"ECS": {"count": 1}}\n')

    assert "jobs.jsonl:2: ECS.taskDefinition: required, but missing" in refusal([name])


def test_each_problem_of_a_message_has_its_own_line(write: Write) -> None:
    name = write("job.yaml", "taskDefinition: 5\ncluster: 6\noverrides:\n  cpu: 7\n")

    lines = refusal([name]).splitlines()[1:]

    assert sorted(line.strip().partition(": expected")[0] for line in lines) == [
        "job.yaml:1: ECS.taskDefinition",
        "job.yaml:2: ECS.cluster",
        "job.yaml:4: ECS.overrides.cpu",
    ]


def test_an_item_of_a_list_has_its_own_line(write: Write) -> None:
    name = write("job.yaml", "task_def: report\ncommand:\n  - a\n  - 5\n")

    assert "job.yaml:4: ECS.command[1]: expected a string, got a number" in refusal([name])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("job.json", '{"a": 1,\n "b": }', "job.json:2:7: expected JSON: Expecting value"),
        ("jobs.jsonl", '{"a": 1}\n{"b"}\n', "jobs.jsonl:2:5: expected JSON: "),
        ("job.yaml", "a: 1\nb: [1, 2\n", "job.yaml:3:1: neither JSON nor YAML: "),
        ("job.yaml", "a: 1\na: 2\n", "job.yaml:2:1: neither JSON nor YAML: found duplicate key"),
        ("job.yaml", "a:\n  b: 2026-11-22\n", "job.yaml:2: a.b: JSON has no such value: date"),
        ("job.yaml", "a:\n  - .nan\n", "job.yaml:2: a[0]: JSON has no such value: float nan"),
        ("job.yaml", "a:\n  1: b\n", "job.yaml:1: a: expected names that are strings, found 1"),
        ("job.yaml", "a: &a [*a]\n", "job.yaml: nested too deeply, or in itself"),
        ("job.yaml", "", "job.yaml: no message in it"),
        ("job.yaml", "# nothing\n---\n", "job.yaml: no message in it"),
        ("job.yaml", "a: 1\0", "job.yaml:1: not text: it has a NUL character"),
        ("job.json", "[" * 100_000, "job.json: expected JSON"),
    ],
)
def test_a_file_that_is_no_message_says_where(
    write: Write, name: str, text: str, expected: str
) -> None:
    assert expected in refusal([write(name, text)])


def test_a_binary_file_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"a: 1\n\xff\xfe\x00")

    assert "job.yaml:2: not UTF-8 text" in refusal([str(tmp_path / "job.yaml")])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "Is a directory" in refusal([str(tmp_path)])


# --- Changes of the command line


def change(write: Write, text: str, *values: str, **options: Any) -> dict[str, Any]:
    settings = read_settings(
        values,
        options.get("environment", ()),
        options.get("command"),
        options.get("container"),
    )
    (message,) = sent([write("job.yaml", text)], settings=settings)
    return message


def test_a_parameter_is_set_as_the_type_that_it_has(write: Write) -> None:
    message = change(
        write,
        "ECS: {taskDefinition: report}",
        "ECS.overrides.cpu=1024",
        "count=3",
        "ECS.networkConfiguration.awsvpcConfiguration.subnets[0]=subnet-1",
        "enableExecuteCommand=true",
        'ECS.tags=[{"key": "a", "value": "b"}]',
        "limits.maxRuntime=30m",
    )

    assert message["ECS"] == {
        "taskDefinition": "report",
        "overrides": {"cpu": "1024"},
        "count": 3,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "enableExecuteCommand": True,
        "tags": [{"key": "a", "value": "b"}],
        "limits": {"maxRuntime": "30m"},
    }


def test_a_message_without_its_wrapper_stays_without(write: Write) -> None:
    message = change(write, "task_def: report", "ECS.cpu=1024", "memory=2048")

    assert message == {"task_def": "report", "cpu": "1024", "memory": "2048"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ECS.taskDefinition.family=x", "--set ECS.taskDefinition.family: family is not there"),
        ("ECS.tags[3].key=x", "--set ECS.tags[3].key: 3 is not there: found a list of 0"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(write: Write, path: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        change(write, "ECS: {taskDefinition: report}", path)

    assert expected in str(caught.value)


def test_variables_and_command_go_to_the_container_that_is_overridden(write: Write) -> None:
    message = change(
        write,
        JOB.format(cpu='"1024"', month="05"),
        environment=("MONTH=06", "A=b=c"),
        command=("sh", "-c", "exit 7"),
    )

    assert message["ECS"]["overrides"]["containerOverrides"] == [
        {
            "name": "report",
            "environment": [{"name": "MONTH", "value": "06"}, {"name": "A", "value": "b=c"}],
            "command": ["sh", "-c", "exit 7"],
        }
    ]


def test_variables_go_into_the_flat_form_too(write: Write) -> None:
    flat = "task_def: report\nenvironment: [{Name: A, Value: b}]\n"

    assert change(write, flat, environment=("A=c", "D=e"))["environment"] == [
        {"name": "A", "value": "c"},
        {"name": "D", "value": "e"},
    ]


def test_of_several_containers_one_has_to_be_named(write: Write) -> None:
    text = "overrides: {containerOverrides: [{name: app}, {name: sidecar}]}"

    with pytest.raises(UsageError) as caught:
        change(write, text, environment=("A=b",))
    assert "overrides 2 containers (app, sidecar)" in str(caught.value)
    assert "--container NAME" in str(caught.value)

    message = change(write, text, environment=("A=b",), container="sidecar")
    assert message["overrides"]["containerOverrides"][1]["environment"] == [
        {"name": "A", "value": "b"}
    ]


def test_an_error_in_what_was_set_names_the_option(write: Write) -> None:
    settings = read_settings(["ECS.count=many"], (), None, None)
    name = write("job.yaml", JOB.format(cpu='"1024"', month="05"))

    assert "--set ECS.count: ECS.count: expected a whole number" in refusal(
        [name], settings=settings
    )


# --- Rows

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


# --- The command


def test_the_words_behind_command_are_the_command(run: Run, write: Write) -> None:
    name = write("job.yaml", JOB.format(cpu='"1024"', month="05"))

    result = run(
        "send", name, "--stage", "dev", "--dry-run", "--show-values", "--json", "--project",
        str(ROOT), "--command", "--", "python", "job.py", "--fast",
    )  # fmt: skip

    # The fixture's own `--project` follows, and is a word of the command.
    (found,) = json.loads(result.stdout)
    (container,) = found["request"]["overrides"]["containerOverrides"]
    assert container["command"][:3] == ["python", "job.py", "--fast"]


def test_every_format_means_the_same(write: Write) -> None:
    content = {"ECS": {"cluster": "batch", "taskDefinition": "report"}}
    files = [
        write("a.json", json.dumps(content)),
        write("b.jsonl", json.dumps(content)),
        write("c.yaml", "ECS:\n  cluster: batch\n  taskDefinition: report\n"),
        write("d.txt", str(content)),
    ]
    settings = handler_settings(load_project(ROOT).stage_config("dev"))

    requests = [
        builder.read_unchecked(one.body, settings).parameters
        for one in read_input(files[:3]).messages
    ]

    assert requests == [content["ECS"]] * 3
    assert read_input(files[3:]).messages[0].body == str(content)
