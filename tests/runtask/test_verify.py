"""`runtask verify` as an operator runs it: the question, the order, the report, the exit code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from runtask.errors import ExitCode, RuntaskError, UsageError
from runtask.verification import context, disclosure
from runtask.verification import verify as module
from runtask.verification.canary import message_from_options, plan_canary
from runtask.verification.disclosure import Private, Pseudonyms, Public, Sentence
from runtask.verification.report import FORMAT, report
from runtask.verification.verify import PROBES, question, verify
from tests.runtask.conftest import ROOT
from tests.runtask.test_command import runtask
from tests.runtask.verify_services import DEAD, WORK

if TYPE_CHECKING:
    from pathlib import Path

    from runtask.verification.context import Verification
    from runtask.verification.finding import ProbeResult
    from tests.runtask.conftest import Run
    from tests.runtask.verify_world import World

# Everything in the stage that belongs to its operator.
SECRETS = (
    r"\d{12}",
    r"arn:",
    r"alice",
    r"\bdev\b",
    r"ecs-run-task-dev",
    r"report-task",
    r"ecs-run-task-deploy",
    r"cluster batch",
    r"secret of",
    r"/aws/lambda",
)


def by_name(results: list[ProbeResult]) -> dict[str, str]:
    return {one.name: one.finding.status.value for one in results}


def as_text(results: list[ProbeResult], verification: Verification) -> str:
    return json.dumps(report(results, verification.config))


# --- The run


def test_every_probe_has_a_result_and_nothing_is_left(world: World) -> None:
    results = verify(world.verification())
    assert list(by_name(results)) == list(PROBES)
    assert world.sqs.lists == {WORK: [], DEAD: []}
    assert all(one.seconds >= 0 for one in results)
    assert len(world.said) >= len(PROBES)


def test_nothing_is_sent_when_the_answer_is_no(world: World) -> None:
    verification = world.verification()
    object.__setattr__(verification.context, "confirm", lambda _question: False)
    with pytest.raises(RuntaskError, match="nothing was sent"):
        verify(verification)
    assert world.ecs.tasks == []


def test_without_the_outputs_nothing_else_is_tried(world: World) -> None:
    verification = world.verification()
    verification.outputs = {**verification.outputs, "queueUrl": ""}
    results = by_name(verify(verification))
    assert results.pop("identity") == "pass"
    assert results.pop("outputs") == "fail"
    assert set(results.values()) == {"skipped"}


def test_an_answer_of_aws_that_no_probe_expects_is_a_failure(world: World) -> None:
    world.sqs.denied.add("ReceiveMessage")
    (result,) = [one for one in verify(world.verification()) if one.name == "rejected-message"]
    assert result.finding.status.value == "fail"
    assert "ReceiveMessage answered AccessDenied" in result.finding.sentence.in_full()


def test_ctrl_c_stops_the_canary(world: World) -> None:
    world.ecs.never_ends = True

    def interrupt() -> None:
        raise KeyboardInterrupt

    world.clock.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        verify(world.verification())
    assert world.ecs.stopped == [world.ecs.tasks[0]["taskArn"]]


def test_the_question_says_what_is_sent_where_and_what_it_costs(world: World) -> None:
    text = question(world.verification())
    assert "stage dev in account 111111111111, region eu-central-1" in text
    assert "0.25 vCPU and 0.5 GB on Fargate, about 0.0002 USD a minute" in text
    assert "list price of us-east-1" in text
    assert "announced on the failure topic" in text
    assert "open questions" in text
    assert "no canary" in question(world.verification(canary=False))


# --- The report


def test_the_report_names_nobody(world: World) -> None:
    verification = world.verification()
    text = as_text(verify(verification), verification)
    for secret in SECRETS:
        assert not re.search(secret, text), secret
    content = json.loads(text)
    assert content["format"] == FORMAT
    assert content["region"] == "eu-central-1"
    assert (content["stage"], content["account"]) == ("stage-1", "account-1")
    assert {"runtask", "pulumi-aws", "botocore"} <= set(content["versions"])
    assert [one["name"] for one in content["probes"]] == list(PROBES)


def test_a_report_of_failures_names_nobody_either(world: World) -> None:
    world.ecs.exit_code = 3
    world.ecs.denied = False
    world.functions.mappings = []
    world.sqs.denied.add("ReceiveMessage")
    world.sqs.attributes[DEAD]["KmsMasterKeyId"] = "alias/aws/sqs"
    world.sqs.attributes[WORK]["RedrivePolicy"] = "{}"
    verification = world.verification()
    verification.deploy_role_arn = "arn:aws:iam::222222222222:role/another"
    object.__setattr__(verification.state, "running", "f" * 64)
    text = as_text(verify(verification), verification)
    for secret in (*SECRETS, "another", "alias/aws"):
        assert not re.search(secret, text), secret
    assert json.loads(text)["result"] == "fail"


@pytest.mark.parametrize(
    "text", ["111111111111", "arn:aws:iam::1:role/x", "", "a text\nof two lines", "x" * 101]
)
def test_a_text_of_the_operators_cannot_be_public(text: str) -> None:
    with pytest.raises(ValueError, match="public value"):
        Public(text)
    assert isinstance(disclosure.public_or("text", text), Private)


def test_the_same_value_has_the_same_pseudonym(world: World) -> None:
    del world
    pseudonyms = Pseudonyms()
    sentence = Sentence(
        template="{a}, {b}, {c}; {d}",
        values={
            "a": Private("task", "x"),
            "b": [Private("task", "y"), Private("task", "x")],
            "c": Private("role", "x"),
            "d": None,
        },
    )
    assert sentence.redacted(pseudonyms) == "task-1, task-2, task-1, role-1; nothing"
    assert sentence.in_full() == "x, y, x, x; nothing"


# --- The command line


def test_without_a_terminal_nothing_is_sent_unasked() -> None:
    done = runtask("verify", "dev")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert "pass --yes" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--service", "s"], "--service is for a canary; name its task with --task-definition"),
        (["--task-definition", "report"], "--task-definition needs a network"),
        (
            ["--task-definition", "report", "--service", "s", "--container", "c"],
            "--container c is for --command; pass both",
        ),
        (
            ["--task-definition", "report", "--service", "s", "--command", "'"],
            "expected words as in a shell",
        ),
        (["--message", "m.json", "--command", "true"], "--message and --command"),
        (["--message", "no-such-file"], "no-such-file: No such file"),
        (["--timeout", "0"], "0.0 is not in the range"),
    ],
)
def test_options_that_do_not_go_together_are_exit_code_2(
    arguments: list[str], message: str
) -> None:
    done = runtask("verify", "dev", "--yes", *arguments)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert message in done.stderr.replace("\n", " ")


def test_missing_credentials_are_exit_code_4() -> None:
    done = runtask("verify", "dev", "--yes")
    assert (done.returncode, done.stdout) == (ExitCode.ACCOUNT, "")
    assert "no valid credentials for stage dev" in done.stderr


def test_a_stage_that_does_not_exist_is_exit_code_3() -> None:
    assert runtask("verify", "nowhere", "--yes").returncode == ExitCode.CONFIG


def test_the_verb_has_help_with_examples() -> None:
    assert "    runtask verify" in runtask("verify", "--help").stdout.partition("Examples:\n")[2]


@pytest.fixture
def prepared(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let the command verify the stage in memory; return the contexts that it asked for."""
    contexts: list[Any] = []

    def prepare(asked: context.VerificationContext) -> Verification:
        contexts.append(asked)
        verification = world.verification(canary=asked.canary is not None)
        object.__setattr__(verification.context, "confirm", asked.confirm)
        return verification

    monkeypatch.setattr(context, "prepare", prepare)
    return contexts


def test_json_is_the_report_and_the_file_holds_the_same(
    run: Run, prepared: list[Any], folder: Path
) -> None:
    file = folder / "report.json"
    done = run(
        *("verify", "dev", "--yes", "--json", "--report", str(file), "--timeout", "60"),
        *("--task-definition", "report", "--service", "report-service", "--command", "true"),
    )
    content = json.loads(done.stdout)
    assert content == json.loads(file.read_text(encoding="utf-8"))
    assert content["probes"][0] | {"seconds": 0, "facts": {}} == {
        "name": "identity",
        "result": "pass",
        "seconds": 0,
        "sentence": "signed in as principal-1, and as principal-2: account, region, deploy role, "
        "deploy role of the bootstrap stack as configured",
        "facts": {},
    }
    (asked,) = prepared
    assert json.loads(asked.canary.body)["ECS"]["cluster"] == "batch"
    assert asked.timeout_seconds == 60


def test_a_failed_probe_is_exit_code_1(run: Run, prepared: list[Any], world: World) -> None:
    assert prepared == []
    world.functions.mappings = []
    done = run("verify", "dev", "--yes")
    assert done.exit_code == ExitCode.FAILED
    assert re.search(r"event-source-mapping +fail", done.stdout)


def test_a_stage_that_passes_is_exit_code_0(
    run: Run, prepared: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepared == []
    skipping = {name: probe for name, probe in PROBES.items() if "permission" not in name}
    monkeypatch.setattr(module, "PROBES", skipping)
    done = run("verify", "dev", "--yes")
    assert done.exit_code == ExitCode.OK, done.stderr
    assert re.search(r"canary +skipped", done.stdout)


def test_a_stage_that_was_never_deployed_says_how_to_deploy_it(world: World) -> None:
    class NoOutputs:
        def outputs(self, _stack: str) -> dict[str, Any]:
            return {}

    verification = world.verification()
    object.__setattr__(verification.context, "engine", NoOutputs())
    with pytest.raises(RuntaskError, match="pulumi up -s dev"):
        context.prepare(verification.context)


def test_a_canary_that_the_handler_would_reject_is_refused_before_anything_is_sent(
    world: World,
) -> None:
    verification = world.verification()
    message = message_from_options(
        task_definition="payroll", cluster="batch", service="s", container="", command=""
    )
    with pytest.raises(UsageError, match="payroll"):
        plan_canary(
            message, verification.config, verification.context.sessions, verification.operator
        )


# --- The documentation


def test_every_probe_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z][a-z-]+)` \|", page, re.MULTILINE)
    assert rows == list(PROBES)
    assert FORMAT in page
