"""`runtask send`: nothing is sent that the handler would reject, and nothing to a wrong account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from runtask.errors import AccountError, RuntaskError, UsageError
from tests.runtask.conftest import ROOT, Run

EXAMPLE = str(ROOT / "examples" / "run-task.json")
WITHOUT_NETWORK = str(ROOT / "examples" / "without-network.yaml")
INVALID = str(ROOT / "examples" / "invalid.json")
NOT_ALLOWED = str(ROOT / "examples" / "not-allowed.json")

Queue = Callable[[], list[dict[str, Any]]]


def test_a_message_arrives_with_its_key(run: Run, queue: Queue) -> None:
    result = run("send", EXAMPLE, "--stage", "dev", "--key", "nightly-1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "nightly-1\n"
    (message,) = queue()
    assert message["MessageAttributes"]["key"]["StringValue"] == "nightly-1"
    assert json.loads(message["Body"]) == json.loads(Path(EXAMPLE).read_text(encoding="utf-8"))


def test_yaml_is_sent_as_the_json_that_it_means(run: Run, queue: Queue) -> None:
    run("send", WITHOUT_NETWORK, "--stage", "dev")
    (message,) = queue()
    overrides = json.loads(message["Body"])["ECS"]["overrides"]["containerOverrides"]
    assert overrides == [{"command": ["sh", "-c", "exit 7"]}]


def test_one_file_can_hold_several_messages(run: Run, queue: Queue, tmp_path: Path) -> None:
    text = Path(WITHOUT_NETWORK).read_text(encoding="utf-8")
    (tmp_path / "two.yaml").write_text(f"{text}---\n{text}", encoding="utf-8")
    result = run("send", str(tmp_path / "two.yaml"), "--stage", "dev", "--json")
    sent = [json.loads(line) for line in result.stdout.splitlines()]
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines, 1) if not line.startswith("#"))
    assert [Path(message["source"]).name for message in sent] == [
        f"two.yaml:{first}",
        f"two.yaml:{len(lines) + 1 + first}",
    ]
    assert len({message["key"] for message in sent}) == 2
    assert len(queue()) == 2


def test_standard_input_is_read(run: Run, queue: Queue) -> None:
    text = Path(EXAMPLE).read_text(encoding="utf-8")
    assert run("send", "-", "--stage", "dev", stdin=text).exit_code == 0
    assert len(queue()) == 1


def test_one_wrong_message_keeps_all_from_being_sent(run: Run, queue: Queue) -> None:
    result = run("send", EXAMPLE, INVALID, NOT_ALLOWED, "--stage", "dev")
    assert isinstance(result.exception, UsageError)
    text = str(result.exception)
    assert 'ECS.overrides.cpu: expected a string such as "1024", got the number 1024' in text
    assert "ECS.cluster: found arn:aws:ecs:eu-central-1:111111111111:cluster/payroll;" in text
    assert queue() == []


def test_a_dry_run_prints_the_requests_and_sends_nothing(run: Run, queue: Queue) -> None:
    result = run("send", EXAMPLE, "--stage", "dev", "--key", "nightly-1", "--dry-run", "--json")
    (found,) = json.loads(result.stdout)
    assert (found["message"], found["key"]) == (EXAMPLE, "nightly-1")
    assert re.fullmatch(r"nightly-1-[0-9a-f]{8}-0", found["request"]["clientToken"])
    assert found["request"]["startedBy"] == "ecs-run-task/dev/nightly-1"
    assert found["request"]["taskDefinition"] == "report"
    assert queue() == []


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_dry_run_masks_the_values_of_environment_and_command(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    message = {
        "cluster": "batch",
        "taskDefinition": "report",
        "overrides": {
            "containerOverrides": [
                {
                    "name": "main",
                    "environment": [{"name": "PASSWORD", "value": "c4n4ry"}],
                    "command": ["login", "c4n4ry"],
                }
            ]
        },
    }
    file = tmp_path / "secret.json"
    file.write_text(json.dumps(message), encoding="utf-8")
    dry_run = ("send", str(file), "--stage", "dev", "--dry-run", *arguments)

    masked = run(*dry_run)
    shown = run(*dry_run, "--show-values")

    assert masked.exit_code == shown.exit_code == 0, masked.output
    for name in ("PASSWORD", "main", "ecs-run-task/dev/"):
        assert name in masked.stdout
    assert "***" in masked.stdout
    assert "c4n4ry" not in masked.output
    assert "login" not in masked.output
    assert shown.stdout.count("c4n4ry") == 2


def test_a_dry_run_names_where_the_rest_comes_from_and_asks_nobody(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_client: BaseClient, name: str, _parameters: object) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(BaseClient, "_make_api_call", ask)

    result = run("send", WITHOUT_NETWORK, "--stage", "dev", "--dry-run")

    assert result.exit_code == 0, result.exception
    rows = dict(line.split(maxsplit=2)[1:] for line in result.stdout.splitlines()[1:])
    network = "networkConfiguration.awsvpcConfiguration"
    assert rows[f"{network}.subnets"].strip() == '["<from service report-service>"]'
    assert rows[f"{network}.securityGroups"].strip() == '["<from service report-service>"]'
    container = rows["overrides.containerOverrides[0].name"].strip()
    assert container == "<from task definition report>"
    assert rows["count"].strip() == "1"


def test_a_dry_run_of_an_invalid_message_says_what_is_wrong(run: Run) -> None:
    result = run("send", EXAMPLE, INVALID, "--stage", "dev", "--dry-run")

    assert isinstance(result.exception, UsageError)
    assert "ECS.overrides.cpu: expected a string" in str(result.exception)
    assert result.stdout == ""


def test_values_are_shown_by_a_dry_run_alone(run: Run, queue: Queue) -> None:
    result = run("send", EXAMPLE, "--stage", "dev", "--show-values")

    assert isinstance(result.exception, UsageError)
    assert queue() == []


def test_credentials_of_another_account_are_refused(run: Run, queue: Queue, folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8").replace("111111111111", "999999999999")
    file.write_text(text, encoding="utf-8")
    result = run("send", EXAMPLE, "--stage", "dev")
    assert isinstance(result.exception, AccountError)
    assert "in account 999999999999, and the credentials are of account 111111111111" in str(
        result.exception
    )
    assert queue() == []


def test_missing_credentials_are_told_with_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    result = run("send", EXAMPLE, "--stage", "dev")
    assert isinstance(result.exception, AccountError)
    assert "name the profile with --profile dev=PROFILE or AWS_PROFILE" in str(result.exception)


@pytest.mark.usefixtures("aws")
def test_a_stage_that_is_not_deployed_is_told_with_what_to_do(run: Run) -> None:
    result = run("send", EXAMPLE, "--stage", "dev")
    assert isinstance(result.exception, RuntaskError)
    assert "there is no queue ecs-run-task-dev in account 111111111111" in str(result.exception)
    assert "pulumi up -s dev" in str(result.exception)


KEY_ALIAS = "arn:aws:kms:eu-central-1:111111111111:alias/ecs-run-task-dev"
KEY_ARN = "arn:aws:kms:eu-central-1:111111111111:key/0f6f3f5e-1111-2222-3333-444455556666"


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets SQS answer calls of some names with an error."""
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refuse(*names: str, code: str, message: str = "") -> None:
        def answer(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
            if name in names:
                raise ClientError({"Error": {"Code": code, "Message": message}}, name)
            return call(client, name, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", answer)

    return refuse


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KMS.AccessDeniedException", "The ciphertext refers to a key"),
        ("KmsAccessDenied", ""),
        ("AccessDenied", "not authorized to perform: kms:GenerateDataKey on this resource"),
    ],
)
def test_a_sender_without_the_key_is_told_what_is_missing(
    run: Run, queue: Queue, refuse: Callable[..., None], code: str, message: str
) -> None:
    refuse("SendMessageBatch", "GetQueueAttributes", code=code, message=message)
    result = run("send", EXAMPLE, "--stage", "dev")
    assert isinstance(result.exception, RuntaskError)
    text = str(result.exception)
    assert f"encrypted with the key of alias {KEY_ALIAS}, so a sender needs " in text
    assert "kms:GenerateDataKey and kms:Decrypt on that key" in text
    assert "ecs-run-task:senders of Pulumi.dev.yaml and run: pulumi up -s dev; " in text
    assert queue() == []


def test_a_sender_that_may_read_the_queue_is_told_the_key(
    run: Run, queue: Queue, refuse: Callable[..., None]
) -> None:
    sqs = boto3.client("sqs", region_name="eu-central-1")
    url = sqs.get_queue_url(QueueName="ecs-run-task-dev")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": KEY_ARN})
    refuse("SendMessageBatch", code="KMS.AccessDeniedException")
    result = run("send", EXAMPLE, "--stage", "dev")
    assert f"encrypted with the key {KEY_ARN}, so" in str(result.exception)
    assert queue() == []


def test_a_sender_that_the_queue_refuses_is_not_sent_to_the_key(
    run: Run, queue: Queue, refuse: Callable[..., None]
) -> None:
    refuse(
        "SendMessageBatch",
        code="AccessDenied",
        message="not authorized to perform: sqs:SendMessage",
    )
    result = run("send", EXAMPLE, "--stage", "dev")
    assert "kms" not in str(result.exception)
    assert queue() == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([EXAMPLE, "--key", "not a key"], "--key not a key: expected up to 48 letters"),
        ([EXAMPLE, EXAMPLE, "--key", "twice"], "--key twice: found 2 messages; a key is for one"),
        ([EXAMPLE, "--group", "two words"], "--group: expected 1 to 128 letters, digits and"),
        ([EXAMPLE, "--key-column", "id"], "--key-column id: is for --each; add --each FILE"),
        ([EXAMPLE, "--command"], "--command: expected -- and the words behind it"),
        ([EXAMPLE, "--container", "main"], "--container main: is for --env and --command"),
        ([EXAMPLE, "--set", "ECS..cpu=1"], "--set ECS..cpu=1: expected PATH=VALUE"),
        ([EXAMPLE, "--env", "MONTH"], "--env MONTH: expected NAME=VALUE"),
        (["-", "-"], "standard input can be read once"),
        (["no-such-file.json"], "no-such-file.json: No such file or directory"),
    ],
)
def test_a_wrong_command_line_sends_nothing(
    run: Run, queue: Queue, arguments: list[str], expected: str
) -> None:
    result = run("send", *arguments, "--stage", "dev")
    assert isinstance(result.exception, UsageError)
    assert expected in str(result.exception)
    assert queue() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2", "neither JSON nor YAML"),
        ("ECS: {started: 2026-11-22}", "put it in quotes"),
        ("", "no message in it"),
    ],
)
def test_a_file_that_is_no_message_says_what_it_is(
    run: Run, tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "message.yaml").write_text(text, encoding="utf-8")
    result = run("send", str(tmp_path / "message.yaml"), "--stage", "dev")
    assert isinstance(result.exception, UsageError)
    assert expected in str(result.exception)


def test_a_fifo_message_has_a_group_and_its_key_as_deduplication_id(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111111111111")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with (folder / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
        file.write("  ecs-run-task:fifo: true\n")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        url = sqs.create_queue(QueueName="ecs-run-task-dev.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        result = run("send", EXAMPLE, "--stage", "dev", "--key", "k", "--group", "reports")
        assert result.exit_code == 0, result.exception
        (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "reports"
    assert message["Attributes"]["MessageDeduplicationId"] == "k"
