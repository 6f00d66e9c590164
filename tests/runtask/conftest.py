"""A project of its own for each test, and AWS by moto."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from runtask.cli import cli
from runtask.project import load_project
from tests.runtask.verify_world import World

ROOT = Path(__file__).resolve().parents[2]
DEV_ACCOUNT = "111111111111"
REGION = "eu-central-1"

Run = Callable[..., Result]
Write = Callable[[str, str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the committed Pulumi files, to be changed at will."""
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> World:
    """Return the dev stage, deployed in memory."""
    return World(project=load_project(folder))


@pytest.fixture
def run(folder: Path) -> Run:
    """Return a function that runs the command in the test's own project."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(
            cli, [*arguments, "--project", str(folder)], input=stdin, catch_exceptions=True
        )

    return invoke


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put credentials of the dev account, at moto, into the environment."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("MOTO_ACCOUNT_ID", DEV_ACCOUNT),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def queue(aws: None) -> Callable[[], list[dict[str, Any]]]:  # noqa: ARG001 - AWS has to be there
    """Make the dev stage's queue, and return a function that reads what is in it."""
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="ecs-run-task-dev")["QueueUrl"]

    def read() -> list[dict[str, Any]]:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [dict(message) for message in answer.get("Messages", [])]

    return read


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a file into the current folder, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> str:
        Path(name).write_text(text, encoding="utf-8")
        return name

    return write_file
