"""What `runtask send` reads: every format, with file, line and parameter of what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.message import builder
from runtask.errors import UsageError
from runtask.input.documents import read_documents
from runtask.input.settings import read_settings
from runtask.messages import read_input
from runtask.project import load_project
from runtask.sending import handler_settings
from tests.runtask.conftest import ROOT, Run, Write
from tests.runtask.send_files import JOB, refusal, sent

if TYPE_CHECKING:
    from pathlib import Path

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
