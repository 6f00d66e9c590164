"""`runtask send --wait`: the exit code of what was sent, and how to go on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.outcomes.history import History, Rejection
from function.outcomes.states import State
from runtask.delivery.run import check
from runtask.errors import ExitCode
from runtask.messages import Message
from runtask.project import load_project
from tests.runtask.operator_stage import OperatorStage, asked, failed, rejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.runtask.conftest import Run, Write

BODY: Final = '{"cluster": "batch", "taskDefinition": "report", "launchType": "FARGATE"}'


@pytest.fixture
def stage(queue: Callable[[], Any]) -> OperatorStage:  # noqa: ARG001 - it has to be there
    return OperatorStage()


@pytest.fixture
def digest(folder: Path) -> str:
    (request,) = check([Message(source="m", body=BODY)], load_project(folder).stage_config("dev"))
    return request.digest()


@pytest.fixture
def send(run: Run, write: Write) -> Callable[..., Result]:
    file = write("m.json", BODY)
    return lambda *arguments: run("send", file, "--stage", "dev", "--key", "key-1", *arguments)


def code_of(result: Result) -> int:
    return int(getattr(result.exception, "exit_code", result.exit_code))


def ended(digest: str, state: State, reason: str, code: int | None) -> History:
    return failed("key-1", state=state, reason=reason, exit_code=code, asked=asked(digest=digest))


@pytest.mark.parametrize(
    ("state", "reason", "container", "expected"),
    [
        (State.SUCCEEDED, "", 0, 0),
        (State.FAILED, "exit-code", 7, 7),
        (State.FAILED, "exit-code", 256, ExitCode.NO_EXIT_CODE),
        (State.FAILED, "no-exit-code", None, ExitCode.NO_EXIT_CODE),
        (State.NEVER_STARTED, "image-not-found", None, ExitCode.NEVER_STARTED),
        (State.TIMED_OUT, "max-runtime", 137, ExitCode.TIMED_OUT),
        (State.STOPPED, "user", 137, ExitCode.STOPPED),
    ],
)
def test_each_end_has_its_exit_code(  # noqa: PLR0913, PLR0917 - fixtures and one end
    stage: OperatorStage,
    send: Callable[..., Result],
    digest: str,
    state: State,
    reason: str,
    container: int | None,
    expected: int,
) -> None:
    stage.put(ended(digest, state, reason, container))

    result = send("--wait")

    assert code_of(result) == expected
    assert result.stdout == "key-1\n"
    assert f"key-1 {state}" in result.stderr
    if expected and reason == "exit-code":
        assert "cure: " in str(result.exception)


def test_a_key_of_another_message_is_a_rejection(
    stage: OperatorStage, send: Callable[..., Result]
) -> None:
    stage.put(failed("key-1", state=State.SUCCEEDED, reason="", exit_code=0))

    result = send("--wait")

    assert code_of(result) == ExitCode.REJECTED
    assert "key-1 rejected (key-reused)" in str(result.exception)


def test_an_earlier_rejection_of_the_key_is_not_taken_for_this_message(
    stage: OperatorStage, send: Callable[..., Result]
) -> None:
    now = time.time()
    rejection = Rejection(
        reason="not-allowed", error="e", message_id="m-0", queued_at=now - 9, rejected_at=now - 8
    )
    stage.put(rejected("key-1", rejection))

    result = send("--wait", "--timeout", "0.1")

    assert code_of(result) == ExitCode.WAIT_TIMEOUT
    assert "key-1 is queued" in str(result.exception)


def test_a_timeout_names_the_commands_to_go_on(
    stage: OperatorStage, send: Callable[..., Result], digest: str
) -> None:
    stage.put(ended(digest, State.RUNNING, "", None))

    result = send("--wait", "--timeout", "0.1")

    assert code_of(result) == ExitCode.WAIT_TIMEOUT
    assert (
        "key-1 is running; to go on, run: runtask status key-1 --stage dev --follow; for the log: "
        "runtask logs key-1 --stage dev" in str(result.exception)
    )


@pytest.mark.parametrize("until", ["launched", "running"])
def test_what_runs_is_launched_and_runs(
    stage: OperatorStage, send: Callable[..., Result], digest: str, until: str
) -> None:
    stage.put(ended(digest, State.RUNNING, "", None))

    assert code_of(send("--wait-until", until, "--timeout", "1")) == 0


def test_each_object_tells_what_it_is(
    stage: OperatorStage, send: Callable[..., Result], digest: str
) -> None:
    stage.put(ended(digest, State.FAILED, "exit-code", 7))

    result = send("--wait", "--json")

    objects = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["event"], one["key"]) for one in objects] == [
        ("sent", "key-1"),
        ("state", "key-1"),
    ]
    assert objects[1]["exitCode"] == 7
    assert code_of(result) == 7


def test_of_several_the_worst_decides(
    stage: OperatorStage, run: Run, write: Write, digest: str
) -> None:
    for number, code in enumerate((3, 9, 0)):
        state = State.FAILED if code else State.SUCCEEDED
        reason = "exit-code" if code else ""
        stage.put(
            failed(
                f"key-{number}",
                state=state,
                reason=reason,
                exit_code=code,
                asked=asked(digest=digest),
            )
        )
    file, rows = write("m.json", BODY), write("rows.csv", "id\nkey-0\nkey-1\nkey-2\n")

    result = run("send", file, "--stage", "dev", "--each", rows, "--key-column", "id", "--wait")

    assert code_of(result) == 9
    assert str(result.exception).startswith("2 of 3 did not succeed:\nkey-1 failed")


def test_ctrl_c_lets_the_tasks_go_on(
    stage: OperatorStage,
    send: Callable[..., Result],
    digest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage.put(ended(digest, State.RUNNING, "", None))
    _press_ctrl_c(monkeypatch)

    result = send("--wait")

    assert code_of(result) == ExitCode.INTERRUPTED
    assert "runtask status key-1 --stage dev --follow" in str(result.exception)


def test_ctrl_c_stops_the_tasks_if_told_so(
    stage: OperatorStage,
    send: Callable[..., Result],
    digest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = ended(digest, State.RUNNING, "", None)
    stage.put(history)
    stopped: list[str] = []

    def stop(_access: object, plan: Any, _clock: object) -> Any:
        stopped.extend(item.key for item in plan)
        return iter(())

    monkeypatch.setattr("runtask.stopping.stop", stop)
    _press_ctrl_c(monkeypatch)

    result = send("--wait", "--stop-on-interrupt")

    assert code_of(result) == ExitCode.INTERRUPTED
    assert stopped == ["key-1"]


def _press_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runtask.waiting.waiter.Waiter._show", interrupted)


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--timeout", "5"), "are for --wait"),
        (("--logs",), "are for --wait"),
        (("--wait", "--dry-run"), "leave --wait out"),
        (("--wait-until", "running", "--logs"), "expected one of them"),
        (("--wait", "--timeout", "soon"), "expected a duration above 0"),
        (("--wait", "--timeout", "0"), "expected a duration above 0"),
    ],
)
def test_a_mistake_of_the_command_line_is_named(
    send: Callable[..., Result], arguments: tuple[str, ...], text: str
) -> None:
    result = send(*arguments)

    assert result.exit_code != 0
    assert text in result.output + str(result.exception)


@pytest.mark.usefixtures("queue")
def test_nothing_is_sent_if_the_stage_cannot_be_read(
    send: Callable[..., Result], queue: Callable[[], list[Any]]
) -> None:
    result = send("--wait")

    assert code_of(result) == ExitCode.FAILED
    assert "dynamodb:BatchGetItem" in str(result.exception) or "table" in str(result.exception)
    assert queue() == []
