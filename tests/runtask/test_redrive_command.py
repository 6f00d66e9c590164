"""The command `runtask redrive`: its options, its questions, and what it prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from function.message import builder
from runtask import confirmation
from runtask.errors import ExitCode
from runtask.project import load_project
from runtask.redrive import command, edit, queue
from runtask.sending import handler_settings
from tests.runtask.conftest import DEV_ACCOUNT, REGION, ROOT, Run
from tests.runtask.dead_letters import BODY, attributes_of
from tests.runtask.operator_stage import OperatorStage

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"key", "reason", "error", "tasks", "dead_letter", "result", "new_key", "message_id"}


@dataclass
class Queues:
    """The queues of the dev stage in moto."""

    sqs: Any
    work: str
    dead: str

    def letter(self, attributes: dict[str, Any], body: str = BODY) -> None:
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes)

    def read(self, url: str) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        return list(found.get("Messages", []))

    def keys(self, url: str) -> list[str]:
        return sorted(one["MessageAttributes"]["key"]["StringValue"] for one in self.read(url))


@pytest.fixture
def queues(aws: None, monkeypatch: pytest.MonkeyPatch) -> Queues:  # noqa: ARG001 - AWS is there
    monkeypatch.setattr(queue, "_LONG_POLL_SECONDS", 0)
    sqs = boto3.client("sqs", region_name=REGION)
    dead = sqs.create_queue(QueueName="ecs-run-task-dev-dlq-0123456")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{DEV_ACCOUNT}:ecs-run-task-dev-dlq-0123456"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1000})
    work = sqs.create_queue(QueueName="ecs-run-task-dev", Attributes={"RedrivePolicy": policy})
    return Queues(sqs=sqs, work=work["QueueUrl"], dead=dead)


@pytest.fixture
def ledger(queues: Queues) -> OperatorStage:
    assert queues
    return OperatorStage()


def editor(monkeypatch: pytest.MonkeyPatch, *texts: str | None) -> list[str]:
    """Replace the editor by one that saves these texts; return what it was given."""
    given: list[str] = []
    answers = iter(texts)

    def open_editor(text: str, *, extension: str) -> str | None:
        assert extension == ".json"
        given.append(text)
        return next(answers)

    monkeypatch.setattr(edit.click, "edit", open_editor)
    return given


def test_without_a_selection_the_queue_is_shown_and_nothing_is_moved(
    queues: Queues, run: Run
) -> None:
    queues.letter(attributes_of(key="a"))
    queues.letter(attributes_of(key="b"))
    queues.letter(attributes_of("not-json", key="c", redrivable="false"), "{")

    shown = run("redrive", "--stage", "dev")
    as_json = run("redrive", "--stage", "dev", "--json")

    assert (shown.exit_code, as_json.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert "access-denied" in shown.stdout
    assert "runtask redrive --stage dev --reason access-denied" in shown.stderr
    groups = {one["reason"]: one for one in json.loads(as_json.stdout)}
    assert {one: groups[one]["letters"] for one in groups} == {"access-denied": 2, "not-json": 1}
    assert set(groups["not-json"]) == {"reason", "letters", "redrivable", "oldest", "cure"}
    assert (len(queues.read(queues.dead)), queues.read(queues.work)) == (3, [])


def test_an_empty_queue_is_said_to_be_empty(queues: Queues, run: Run) -> None:
    assert queues
    result = run("redrive", "--stage", "dev", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (ExitCode.OK, [])
    assert "is empty" in result.stderr


def test_letters_are_redriven_by_reason(queues: Queues, run: Run) -> None:
    queues.letter(attributes_of(key="a"))
    queues.letter(attributes_of("capacity", key="b"))

    result = run("redrive", "--stage", "dev", "--reason", "capacity", "--yes", "--json")

    assert result.exit_code == ExitCode.OK, result.stderr
    (row,) = json.loads(result.stdout)
    assert set(row) == COLUMNS | {"why"}
    assert (row["key"], row["result"], row["why"]) == ("b", "redriven", "")
    assert (queues.keys(queues.work), queues.keys(queues.dead)) == (["b"], ["a"])
    assert queues.read(queues.work)[0]["MessageId"] == row["message_id"]


def test_what_stays_is_in_the_table_and_in_the_exit_code(queues: Queues, run: Run) -> None:
    queues.letter(attributes_of(key="good"))
    queues.letter(attributes_of("not-json", key="bad", redrivable="false"), "{")

    result = run("redrive", "--stage", "dev", "--all", "--yes")

    assert result.exit_code == ExitCode.FAILED
    assert "stays: not-json: the same message cannot succeed" in result.stdout
    assert (queues.keys(queues.work), queues.keys(queues.dead)) == (["good"], ["bad"])


def test_a_dry_run_moves_nothing(queues: Queues, run: Run) -> None:
    queues.letter(attributes_of())

    result = run("redrive", "--stage", "dev", "--all", "--dry-run", "--json")

    assert result.exit_code == ExitCode.OK, result.stderr
    assert json.loads(result.stdout)[0]["result"] == "redrive"
    assert (queues.keys(queues.dead), queues.read(queues.work)) == (["job"], [])


@pytest.mark.usefixtures("ledger")
def test_a_relaunch_says_the_new_key(queues: Queues, run: Run) -> None:
    queues.letter(attributes_of("outcome-unknown", redrivable="false", tasks="unknown"))

    result = run("redrive", "--stage", "dev", "--key", "job", "--relaunch", "--yes")

    (new,) = queues.keys(queues.work)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert new.startswith("job-r")
    assert f"relaunched as {new}" in result.stdout


def test_a_second_relaunch_is_told_not_to_start_anything(
    queues: Queues, ledger: OperatorStage, run: Run
) -> None:
    for _ in range(2):
        queues.letter(attributes_of("outcome-unknown", redrivable="false"))
        result = run("redrive", "--stage", "dev", "--all", "--relaunch", "--yes")
        ledger.put_launch(queues.keys(queues.work)[0])
    assert "was relaunched before" in result.stderr


# --- Questions


@pytest.mark.parametrize(("yes", "code"), [(True, ExitCode.OK), (False, ExitCode.FAILED)])
def test_account_region_and_stack_are_named_and_asked(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch, *, yes: bool, code: ExitCode
) -> None:
    questions: list[str] = []

    def confirm(question: str, **_options: Any) -> bool:
        questions.append(question)
        return yes

    monkeypatch.setattr(confirmation.click, "confirm", confirm)
    monkeypatch.setattr(command, "require_terminal", lambda **_options: None)
    queues.letter(attributes_of())

    result = run("redrive", "--stage", "dev", "--all")

    assert result.exit_code == code, result.stderr
    assert questions == ["Redrive 1 of 1 dead letters?"]
    for part in (DEV_ACCOUNT, REGION, "ecs-run-task-dev"):
        assert part in result.stderr
    assert len(queues.read(queues.work)) == yes


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--all",), "no terminal to ask for confirmation; pass --yes"),
        (("--edit", "--yes"), "--edit: which letters?"),
        (("--relaunch", "--yes"), "--relaunch: which letters?"),
        (("--rate", "5"), "--rate: which letters?"),
        (("--dry-run",), "--dry-run: which letters?"),
        (("--all", "--key", "job", "--yes"), "--all: is every letter"),
        (("--all", "--yes", "--rate", "0"), "--rate"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    run: Run, arguments: tuple[str, ...], expected: str
) -> None:
    result = run("redrive", "--stage", "dev", *arguments)
    assert result.exit_code == ExitCode.USAGE or isinstance(result.exception, Exception)
    assert expected in result.output + str(result.exception)


def test_a_key_and_a_reason_that_no_letter_has_are_errors(queues: Queues, run: Run) -> None:
    queues.letter(attributes_of())

    key = run("redrive", "--stage", "dev", "--key", "nosuch", "--yes")
    reason = run("redrive", "--stage", "dev", "--reason", "capacty", "--yes")

    assert "no letter with the key nosuch" in str(key.exception)
    assert key.exception.exit_code == ExitCode.UNKNOWN_KEY  # type: ignore[union-attr]
    assert "the reasons there: access-denied" in str(reason.exception)


# --- The editor

BETTER = json.dumps({"ECS": {"cluster": "batch", "taskDefinition": "report", "count": 2}})


@pytest.mark.usefixtures("ledger")
def test_an_edited_body_is_sent_with_the_key_of_its_letter(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.letter(attributes_of("bad-value", redrivable="false"))
    given = editor(monkeypatch, BETTER)

    result = run("redrive", "--stage", "dev", "--key", "job", "--edit", "--yes")

    assert result.exit_code == ExitCode.OK, result.output
    assert given == [json.dumps(json.loads(BODY), indent=2) + "\n"]
    (sent,) = queues.read(queues.work)
    assert sent["Body"] == BETTER
    assert sent["MessageAttributes"]["key"]["StringValue"] == "job"
    assert queues.read(queues.dead) == []


@pytest.mark.parametrize("answer", [None, json.dumps(json.loads(BODY), indent=2)])
def test_a_body_that_is_not_changed_stays(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    queues.letter(attributes_of())
    editor(monkeypatch, answer)

    result = run("redrive", "--stage", "dev", "--all", "--edit", "--yes")

    assert "stays: it was not changed in the editor" in result.stdout
    assert queues.keys(queues.dead) == ["job"]


def test_an_edited_body_is_checked_before_anything_is_sent(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.letter(attributes_of())
    editor(monkeypatch, '{"ECS": {"cluster": "batch", "taskDefinitoin": "report"}}')

    result = run("redrive", "--stage", "dev", "--all", "--edit", "--yes")

    assert "taskDefinitoin" in str(result.exception)
    assert "no message was sent" in str(result.exception)
    assert (queues.keys(queues.dead), queues.read(queues.work)) == (["job"], [])


@pytest.mark.parametrize("same", [True, False])
def test_a_key_that_the_stage_remembers_with_another_request_is_not_sent_with_this_one(
    queues: Queues,
    ledger: OperatorStage,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    *,
    same: bool,
) -> None:
    settings = handler_settings(load_project(ROOT).stage_config("dev"))
    digest = builder.read(BETTER if same else BODY, settings).digest()
    ledger.put_launch("job", request={"S": digest})
    queues.letter(attributes_of())
    editor(monkeypatch, BETTER)

    result = run("redrive", "--stage", "dev", "--all", "--edit", "--yes")

    assert ("--relaunch gives it another key" in result.stdout) is not same
    assert len(queues.read(queues.work)) == same


def test_no_more_letters_are_opened_than_a_person_edits(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(edit.MAX_EDITED + 1):
        queues.letter(attributes_of(key=f"k{number}"))
    assert editor(monkeypatch) == []

    result = run("redrive", "--stage", "dev", "--all", "--edit", "--yes")

    assert "found 21 letters; expected up to 20" in str(result.exception)


def test_a_real_editor_is_started(
    queues: Queues,
    ledger: OperatorStage,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert ledger
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i \'s/"report"/"report", "count": 3/\' "$1"\n')
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    queues.letter(attributes_of())

    result = run("redrive", "--stage", "dev", "--all", "--edit", "--yes")

    assert result.exit_code == ExitCode.OK, result.output
    assert json.loads(queues.read(queues.work)[0]["Body"])["ECS"]["count"] == 3
