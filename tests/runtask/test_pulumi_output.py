"""What an operator sees of the Pulumi CLI: its errors without noise, and what it waits for."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent

from runtask.pulumi_errors import Diagnostic, command_failed, resource_of
from runtask.pulumi_output import Output

PARENTS: Final = "ecs-run-task:index:Stage$ecs-run-task:index:WorkQueue$"
QUEUE: Final = f"urn:pulumi:dev::ecs-run-task::{PARENTS}aws:sqs/queue:Queue::ecs-run-task-dev"
POLICY: Final = "urn:pulumi:dev::ecs-run-task::aws:iam/rolePolicy:RolePolicy::ecs-run-task-dev"

REFUSED: Final = (
    "putting IAM Role (no-such-role) Policy (rp-682ffa9): operation error IAM: PutRolePolicy, "
    "https response error StatusCode: 404, RequestID: 5f6f, NoSuchEntity: The role with name "
    "no-such-role cannot be found."
)

# Messages of the CLI 3.259 with the AWS plugin 7.51.1, as they were reported.
RESOURCE_FAILED: Final = (
    Diagnostic(
        urn=POLICY,
        message=f"  sdk-v2/provider2.go:571: sdk.helper_schema: {REFUSED}: provider=aws@7.51.1\n",
    ),
    Diagnostic(urn=POLICY, message=f"1 error occurred:\n\t* {REFUSED}\n\n\n"),
    Diagnostic(urn="", message="update failed\n"),
)
PROGRAM_FAILED: Final = (
    Diagnostic(
        urn="",
        message="Pulumi.dev.yaml cannot be used:\n  ecs-run-task:clusters: is missing; run: pulumi "
        "config set --path 'ecs-run-task:clusters[0]' batch -s dev\n",
    ),
    Diagnostic(
        urn="",
        message="an unhandled error occurred: program exited with non-zero exit code: 1\n",
    ),
)
REPLACED: Final = Diagnostic(
    urn=QUEUE,
    message=f'unable to replace resource "{QUEUE}"\nas it is currently marked for protection. To '
    "unprotect the resource, remove the `protect` flag from the resource in your Pulumi program "
    "and run `pulumi up`\n",
)
DELETED: Final = Diagnostic(
    urn=QUEUE,
    message=f'resource "{QUEUE}" cannot be deleted\nbecause it is protected. To unprotect the '
    "resource, either remove the `protect` flag from the resource in your Pulumi program and run "
    f"`pulumi up`, or use the command:\n`pulumi state unprotect '{QUEUE}'`\n",
)

# The end of a failed deployment's output.
OUTPUT: Final = """\
Updating (dev):
@ updating.....

 +  aws:iam:RolePolicy ecs-run-task-dev creating (0s)
 +  aws:iam:RolePolicy ecs-run-task-dev **creating failed** error: 1 error occurred:
    pulumi:pulumi:Stack ecs-run-task-dev running error: update failed
    pulumi:pulumi:Stack ecs-run-task-dev running Traceback (most recent call last):
    pulumi:pulumi:Stack ecs-run-task-dev running     loop.run_until_complete(coro)
    pulumi:pulumi:Stack ecs-run-task-dev running KeyboardInterrupt
Diagnostics:
  pulumi:pulumi:Stack (ecs-run-task-dev):
    error: update failed

    Traceback (most recent call last):
      File "/home/dev/bin/pulumi-language-python-exec", line 232, in <module>
        loop.run_until_complete(coro)
    KeyboardInterrupt
    During handling of the above exception, another exception occurred:
    Traceback (most recent call last):
      File "/home/dev/bin/pulumi-language-python-exec", line 244, in <module>
        executor.shutdown(wait=True)
    KeyboardInterrupt

Resources:
    3 unchanged
"""


def failed(stderr: str = "", stdout: str = OUTPUT, *diagnostics: Diagnostic) -> str:
    """Return the text that an operator sees of a failed command."""
    error = CommandError(f"\n code: 1\n stdout: {stdout}\n stderr: {stderr}")  # type: ignore[arg-type]
    return str(command_failed("cannot preview stack dev", "dev", error, diagnostics))


def event(**content: Any) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, **content})


def step(operation: str, urn: str = QUEUE, *, custom: bool = True) -> dict[str, Any]:
    state = {"type": "aws:sqs/queue:Queue", "urn": urn, "custom": custom}
    return {"metadata": {"op": operation, "urn": urn, "type": state["type"], "new": state}}


def test_the_error_of_a_resource_is_told_once_with_its_name() -> None:
    assert failed("", OUTPUT, *RESOURCE_FAILED) == (
        f"cannot preview stack dev:\n  iam.RolePolicy ecs-run-task-dev: {REFUSED}"
    )


def test_the_error_of_the_configuration_is_told_whole() -> None:
    assert failed("", OUTPUT, *PROGRAM_FAILED) == (
        "cannot preview stack dev:\n  Pulumi.dev.yaml cannot be used:\n    ecs-run-task:clusters: "
        "is missing; run: pulumi config set --path 'ecs-run-task:clusters[0]' batch -s dev"
    )


@pytest.mark.parametrize(
    ("diagnostic", "expected"),
    [
        (
            REPLACED,
            f'unable to replace resource "{QUEUE}" as it is currently marked for protection',
        ),
        (DELETED, f'resource "{QUEUE}" cannot be deleted because it is protected'),
    ],
)
def test_a_protected_resource_is_told_with_the_way_to_give_it_up(
    diagnostic: Diagnostic, expected: str
) -> None:
    lines = failed("", OUTPUT, diagnostic).splitlines()
    assert lines[1] == f"  sqs.Queue ecs-run-task-dev: {expected}."
    assert lines[3:] == [
        "  1. Stop the senders, and drain the queues.",
        "  2. Run: pulumi config set ecs-run-task:protect false -s dev",
        "  3. Run: pulumi up -s dev",
        "  4. Repeat this command, and set protect to true again.",
    ]
    assert "state unprotect" not in "".join(lines)


def test_a_protected_bootstrap_stack_is_told_to_be_the_last() -> None:
    bucket = f"{PARENTS}aws:s3/bucket:Bucket::ecs-run-task-artifacts"
    message = f'Preview failed: resource "{bucket}" cannot be deleted\nbecause it is protected. To'
    error = CommandError("\n code: 1\n stdout: \n stderr: ")  # type: ignore[arg-type]
    diagnostic = Diagnostic(urn=f"urn:pulumi:dev::ecs-run-task::{bucket}", message=message)
    lines = str(command_failed("failed", "dev-bootstrap", error, [diagnostic])).splitlines()
    assert lines[1].endswith("cannot be deleted because it is protected.")
    assert lines[3].startswith("  1. Take the stages of the account away, and save the artifacts")


@pytest.mark.parametrize(
    "text",
    [
        "getting stack configuration: get stack secrets manager: incorrect passphrase",
        "no changes were expected for update but changes were proposed",
        "the stack is currently locked by 1 lock(s). Either wait:\n  file:///state/locks/dev.json",
    ],
)
def test_an_error_of_the_cli_itself_is_told(text: str) -> None:
    text_of_stdout = "Updating (dev):\n    error: not this one\n"
    stderr = f"warning: something else\nerror: {text}"
    told = "\n  ".join(text.splitlines())
    assert failed(stderr, text_of_stdout) == f"cannot preview stack dev:\n  {told}"


def test_where_no_error_is_recognized_the_end_of_the_output_is_quoted() -> None:
    assert failed("panic: out of memory").endswith("stderr: panic: out of memory")


def test_neither_dots_nor_the_traceback_of_an_interrupted_program_are_shown() -> None:
    said: list[str] = []
    output = Output(say=said.append)
    for line in OUTPUT.splitlines():
        output.line(line)
    text = "\n".join(said)
    assert "Traceback" not in text
    assert "KeyboardInterrupt" not in text
    assert "@" not in text
    assert said[-2:] == ["Resources:", "    3 unchanged"]
    assert "    pulumi:pulumi:Stack ecs-run-task-dev running error: update failed" in said


def test_an_operation_that_takes_long_is_reported_until_it_ends() -> None:
    said: list[str] = []
    with Output(say=said.append, report_seconds=0.05) as output:
        output.event(event(resourcePreEvent=step("create")))
        deadline = time.monotonic() + 10
        while len(said) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        output.event(event(resOutputsEvent=step("create")))
        assert output.waiting() == []
    assert said[0] == "    creating sqs.Queue ecs-run-task-dev (0 s)"
    assert len(said) >= 2


def test_a_quick_operation_is_not_reported() -> None:
    output = Output(say=lambda _line: None)
    output.event(event(resourcePreEvent=step("update")))
    assert output.waiting() == []


@pytest.mark.parametrize(
    "begun",
    [
        step("same"),
        step("create", custom=False),  # a component waits for its children
        step("create") | {"planning": True},
    ],
)
def test_what_calls_nothing_is_not_waited_for(begun: dict[str, Any]) -> None:
    output = Output(say=lambda _line: None, report_seconds=0)
    output.event(event(resourcePreEvent=begun))
    assert output.waiting() == []


def test_an_operation_that_failed_is_not_waited_for() -> None:
    output = Output(say=lambda _line: None, report_seconds=0)
    output.event(event(resourcePreEvent=step("delete")))
    assert output.waiting() == ["deleting sqs.Queue ecs-run-task-dev (0 s)"]
    output.event(event(resOpFailedEvent=step("delete") | {"status": 0, "steps": 0}))
    assert output.waiting() == []


def test_only_errors_are_kept_of_the_diagnostics() -> None:
    output = Output(say=lambda _line: None)
    for severity in ("debug", "info#err", "warning", "error"):
        output.event(
            event(diagnosticEvent={"message": severity, "severity": severity, "urn": QUEUE})
        )
    assert output.diagnostics == [Diagnostic(urn=QUEUE, message="error")]


def test_a_resource_is_named_by_type_and_name() -> None:
    assert resource_of(QUEUE) == "sqs.Queue ecs-run-task-dev"
    assert (
        resource_of("urn:pulumi:dev::p::pulumi:pulumi:StackReference::a::b")
        == "pulumi:pulumi.StackReference a::b"
    )
