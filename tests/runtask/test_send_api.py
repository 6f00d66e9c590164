"""Every way to send that docs/sending.md shows, run as it stands there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from ruamel.yaml import YAML

import runtask
from function.message import builder
from runtask.errors import AccountError, UsageError
from runtask.input.documents import Document, as_body
from runtask.input.origin import Origin
from runtask.input.rows import Row, Rows, Template
from runtask.project import load_project
from runtask.sending import handler_settings
from tests.runtask.conftest import REGION, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE: Final = (ROOT / "docs" / "sending.md").read_text(encoding="utf-8")
MESSAGE: Final = {"cluster": "batch", "service": "report-service", "taskDefinition": "report"}


def examples(section: str, language: str) -> list[str]:
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def arrived(queue: Callable[[], list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return what the handler reads of each message in the queue, by key."""
    settings = handler_settings(load_project(ROOT).stage_config("dev"))
    return {
        one["MessageAttributes"]["key"]["StringValue"]: dict(
            builder.read(one["Body"], settings).parameters
        )
        for one in queue()
    }


def test_the_package_alone_imports_nothing() -> None:
    code = "import sys, runtask; print(*{'boto3', 'botocore', 'rich', 'click'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


# --- The examples of the page


def test_the_python_example_sends(
    queue: Callable[[], list[dict[str, Any]]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (example,) = examples("From Python", "python")
    names: dict[str, Any] = {}

    exec(example, names)  # noqa: S102 - an example of ours

    assert names["keys"] == ["nightly-2026-11-24"]
    assert arrived(queue)["nightly-2026-11-24"]["taskDefinition"] == "report"


def test_the_boto3_examples_send(queue: Callable[[], list[dict[str, Any]]]) -> None:
    single, batch = examples("With boto3", "python")

    exec(single, {})  # noqa: S102 - an example of ours
    assert arrived(queue).keys() == {"nightly-2026-11-24"}

    exec(batch, {})  # noqa: S102
    assert arrived(queue).keys() == {f"nightly-2026-11-24-{number}" for number in range(10)}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.usefixtures("aws")
def test_the_cli_examples_send(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sqs = boto3.client("sqs", region_name=REGION)
    name = ("ecs-run-task-dev", "ecs-run-task-dev.fifo")[number]
    url = sqs.create_queue(
        QueueName=name, Attributes={"FifoQueue": "true"} if name.endswith(".fifo") else {}
    )["QueueUrl"]
    command = examples("With the AWS CLI", "sh")[number]

    parameters = call_by_cli(command)

    assert parameters["QueueUrl"] == url
    (message,) = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"]["key"]["StringValue"] == "nightly-2026-11-24"
    assert json.loads(message["Body"])["ECS"]["taskDefinition"] == "report"
    if number:
        assert message["Attributes"]["MessageGroupId"] == "reports"


def call_by_cli(command: str) -> dict[str, Any]:
    """Make the call of an AWS CLI command: its options are the names of botocore's model."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["aws", "sqs"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    client = boto3.client("sqs", region_name=options.pop("--region"))
    operation = "".join(part.capitalize() for part in words[2].split("-"))
    shape = client.meta.service_model.operation_model(operation).input_shape
    assert shape is not None
    parameters: dict[str, Any] = {}
    for option, value in options.items():
        name = "".join(part.capitalize() for part in option.removeprefix("--").split("-"))
        text = value
        if value.startswith("file://"):
            text = (ROOT / value.removeprefix("file://")).read_text(encoding="utf-8")
        is_text = shape.members[name].type_name == "string"
        parameters[name] = text if is_text else json.loads(text)
    getattr(client, words[2].replace("-", "_"))(**parameters)
    return parameters


def test_the_template_of_the_page_is_valid() -> None:
    (text,) = examples("Rows", "yaml")
    origin = Origin(file="job.yaml")
    body = as_body(YAML(typ="safe", pure=True).load(text), origin)
    row = Row(source="rows.csv:2", cells={"id": "7", "tasks": "3"})
    rows = Rows(name="rows.csv", columns=("id", "tasks"), rows=[row])

    filled = Template(Document(origin=origin, body=body), rows).filled(row)

    settings = handler_settings(load_project(ROOT).stage_config("dev"))
    request = builder.read(filled.body, settings)
    assert request.count == 3
    (container,) = request.parameters["overrides"]["containerOverrides"]
    assert container["command"][2] == 'report --customer 7 > "${HOME}/out"'


# --- The function


def test_many_messages_return_their_keys_in_order(
    queue: Callable[[], list[dict[str, Any]]], folder: Path
) -> None:
    keys = runtask.send([MESSAGE] * 25, stage="dev", project=folder)

    assert len(set(keys)) == 25
    assert {key for _ in range(3) for key in arrived(queue)} == set(keys)


def test_a_text_is_sent_as_it_is(queue: Callable[[], list[dict[str, Any]]], folder: Path) -> None:
    assert runtask.send(json.dumps(MESSAGE), stage="dev", project=folder, keys="k") == ["k"]
    assert arrived(queue).keys() == {"k"}


def test_a_message_that_the_handler_would_reject_keeps_all_from_being_sent(
    queue: Callable[[], list[dict[str, Any]]], folder: Path
) -> None:
    with pytest.raises(UsageError, match=r"messages\[1\]: ECS.count: expected a whole number"):
        runtask.send([MESSAGE, {**MESSAGE, "count": "x"}], stage="dev", project=folder)
    assert queue() == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["a"], "keys: found 1 for 2 messages"),
        (["a", "a"], "keys: the same key is there twice"),
        (["a", "b c"], "keys: expected 1 to 48 letters"),
    ],
)
def test_keys_that_cannot_be_used_say_why(folder: Path, keys: list[str], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        runtask.send([MESSAGE, MESSAGE], stage="dev", project=folder, keys=keys)


@pytest.mark.usefixtures("queue")
def test_a_session_has_to_be_of_the_region_and_the_account(folder: Path) -> None:
    own = boto3.Session(region_name=REGION)
    assert len(runtask.send(MESSAGE, stage="dev", project=folder, session=own)) == 1

    with pytest.raises(UsageError, match="found region eu-west-1; stage dev is in eu-central-1"):
        runtask.send(
            MESSAGE, stage="dev", project=folder, session=boto3.Session(region_name="eu-west-1")
        )

    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("111111111111", "999999999999")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AccountError):
        runtask.send(MESSAGE, stage="dev", project=folder, session=own)


def test_an_unknown_attribute_of_the_package_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sned'"):
        _ = runtask.sned
