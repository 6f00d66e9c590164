"""What is true of a stage: credentials, clock, stacks, digests, queues, IAM, quotas."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.account import sign_in
from runtask.doctor.check import Check, Verdict
from runtask.doctor.quotas import quota_checks
from runtask.errors import AccountError, RuntaskError
from runtask.promotion.state import load_stage_state
from runtask.verification.context import Verification, VerificationContext
from runtask.verification.finding import Finding, Status, error_finding
from runtask.verification.probes.permissions import pass_role_permission, run_task_permission
from runtask.verification.probes.stack import (
    alias,
    artifact,
    dead_letter_queue,
    identity,
    mapping,
    outputs,
    work_queue,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runtask.account import AccountSession, Sessions
    from runtask.engine import Engine
    from runtask.project import Project

# AWS refuses a signature whose time differs by more than this.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
MAX_SKEW_SECONDS: Final = 300

_MUCH_SKEW_SECONDS: Final = 60

# What only reads, of the probes of `runtask verify`.
_OUTPUTS: Final = "stack-outputs"
_PROBES: Final[Mapping[str, Callable[[Verification], Finding]]] = {
    "deploy-role": identity,
    _OUTPUTS: outputs,
    "artifact": artifact,
    "alias": alias,
    "event-source-mapping": mapping,
    "work-queue": work_queue,
    "dead-letter-queue": dead_letter_queue,
    "run-task-permission": run_task_permission,
    "pass-role-permission": pass_role_permission,
}


def stage_checks(
    project: Project, stage: str, engine: Engine, sessions: Sessions
) -> Iterator[Check]:
    """Yield what is true of a stage, as far as the one before allows to look.

    Args:
        project: The Pulumi files.
        stage: The stage.
        engine: Knows the outputs of the stacks.
        sessions: The operator's credentials.
    """
    config = project.stage_config(stage)
    try:
        operator = sign_in(config, sessions)
    except AccountError as error:
        yield _failed(stage, "credentials", error)
        return
    found = f"signed in to account {config.location.account} as {operator.identity}"
    yield _check(stage, "credentials", Verdict.OK, found)
    yield clock_check(operator)
    try:
        exported = {stack: engine.outputs(stack) for stack in (config.bootstrap, config.stage)}
    except RuntaskError as error:
        yield _failed(stage, "stacks", error)
        return
    never = [stack for stack, values in exported.items() if not values]
    if never:
        found = f"never deployed: {', '.join(never)}"
        yield _check(stage, "stacks", Verdict.FAIL, found, f"run: pulumi up -s {never[0]}")
        return
    yield _check(stage, "stacks", Verdict.OK, f"deployed: {', '.join(exported)}")
    try:
        state = load_stage_state(project, stage, engine, sessions)
    except RuntaskError as error:
        yield _failed(stage, "deploy-role", error)
        return
    verification = Verification(
        context=VerificationContext(
            project=project,
            config=config,
            engine=engine,
            sessions=sessions,
            say=lambda _text: None,
            confirm=lambda _question: False,
        ),
        operator=operator,
        state=state,
        outputs=exported[config.stage],
        deploy_role_arn=exported[config.bootstrap].get("deployRoleArn", ""),
        canary=None,
    )
    yield from probe_checks(verification)
    drift = state.configuration_drift
    verdict = Verdict.WARN if drift else Verdict.OK
    said = drift.partition("; to deploy them")[0] or "deployed as it is in the stage's file"
    yield _check(
        stage, "configuration", verdict, said, f"run: pulumi up -s {stage}" if drift else ""
    )
    yield from quota_checks(operator)


def clock_check(operator: AccountSession) -> Check:
    """Return whether this machine's clock is right, by the date of an answer of AWS."""
    stage = operator.config.stage
    answer = operator.session.client("sts").get_caller_identity()
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    if not date:
        return _check(stage, "clock", Verdict.WARN, "the answer of AWS has no date to compare with")
    skew = abs(time.time() - parsedate_to_datetime(date).timestamp())
    fix = "synchronize the clock of this machine"
    if skew > MAX_SKEW_SECONDS:
        return _check(stage, "clock", Verdict.FAIL, f"{skew:.0f} seconds off that of AWS", fix)
    if skew > _MUCH_SKEW_SECONDS:
        return _check(stage, "clock", Verdict.WARN, f"{skew:.0f} seconds off that of AWS", fix)
    return _check(stage, "clock", Verdict.OK, "agrees with that of AWS")


def probe_checks(verification: Verification) -> Iterator[Check]:
    """Yield what the probes find that only read."""
    stage = verification.config.stage
    for name, probe in _PROBES.items():
        try:
            finding = probe(verification)
        except (ClientError, BotoCoreError) as error:
            finding = error_finding(Status.FAIL, error)
        verdict = _verdict(finding)
        fix = f"run: pulumi up -s {stage}" if verdict is Verdict.FAIL else ""
        yield _check(stage, name, verdict, finding.sentence.in_full(), fix)
        if name == _OUTPUTS and verdict is Verdict.FAIL:
            return


def _verdict(finding: Finding) -> Verdict:
    if finding.status is Status.FAIL:
        return Verdict.FAIL
    return Verdict.OK if finding.status is Status.PASS else Verdict.WARN


def _failed(stage: str, name: str, error: Exception) -> Check:
    # An error of this command ends in its fix.
    found, _, fix = str(error).partition("; ")
    return _check(stage, name, Verdict.FAIL, found, fix)


def _check(stage: str, name: str, verdict: Verdict, found: str, fix: str = "") -> Check:
    return Check(stage=stage, check=name, verdict=verdict, found=found, fix=fix)
