"""The verification: the question before it, every probe in order, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.errors import RuntaskError
from runtask.verification.disclosure import Private
from runtask.verification.finding import (
    Finding,
    ProbeResult,
    Status,
    error_finding,
    failed,
    skipped,
)
from runtask.verification.probes.conflict import conflict_names_tasks
from runtask.verification.probes.launch import canary, idempotency
from runtask.verification.probes.permissions import pass_role_permission, run_task_permission
from runtask.verification.probes.rejection import rejected_message
from runtask.verification.probes.replay import token_replays_failures
from runtask.verification.probes.stack import (
    alias,
    artifact,
    dead_letter_queue,
    identity,
    mapping,
    outputs,
    work_queue,
)
from runtask.verification.probes.tags import tag_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtask.verification.context import Verification

OUTPUTS: Final = "outputs"

# By name, in this order: what is read first, then what is sent, then what only AWS can answer.
PROBES: Final[Mapping[str, Callable[[Verification], Finding]]] = {
    "identity": identity,
    OUTPUTS: outputs,
    "artifact": artifact,
    "alias": alias,
    "event-source-mapping": mapping,
    "work-queue": work_queue,
    "dead-letter-queue": dead_letter_queue,
    "canary": canary,
    "idempotency": idempotency,
    "rejected-message": rejected_message,
    "run-task-permission": run_task_permission,
    "pass-role-permission": pass_role_permission,
    "conflict-names-tasks": conflict_names_tasks,
    "token-replays-failures": token_replays_failures,
    "tag-delay": tag_delay,
}


_INVALID_MESSAGE: Final = (
    "an invalid message, which is announced on the failure topic and taken out of the dead-letter "
    "queue again"
)


def question(verification: Verification) -> str:
    """Return what is about to happen, and what it costs, for the operator's confirmation."""
    config, planned = verification.config, verification.canary
    location = config.location
    where = f"stage {config.stage} in account {location.account}, region {location.region}"
    parts = [f"verify sends to {where}: {_INVALID_MESSAGE}"]
    if planned is None:
        parts.append("no canary, since no task is named")
    else:
        command = [
            one.get("command")
            for one in planned.call.get("overrides", {}).get("containerOverrides", [])
        ]
        what = f"command {command[0]}" if command and command[0] else "its own command"
        parts.append(
            f"a canary, twice with one key: task definition {planned.call['taskDefinition']} in "
            f"cluster {planned.cluster} with {what}; {planned.cost}"
        )
    if verification.context.probe_aws:
        parts.append(
            "calls of RunTask as you, and a tag on the work queue, for the open questions about "
            "AWS; they leave nothing behind"
        )
    return ";\n  ".join(parts) + ".\nContinue?"


def verify(verification: Verification) -> list[ProbeResult]:
    """Ask, run every probe, and clean up, also after Ctrl-C.

    Raises:
        RuntaskError: if the operator's answer is no; nothing was sent then.
    """
    if not verification.context.confirm(question(verification)):
        raise RuntaskError("nothing was sent, since the answer was no")
    results: list[ProbeResult] = []
    with verification.cleanup:
        for name, probe in PROBES.items():
            incomplete = any(
                one.name == OUTPUTS and one.finding.status is Status.FAIL for one in results
            )
            results.append(_run(verification, name, _without_outputs if incomplete else probe))
        verification.context.say("cleaning up")
    return results


def _without_outputs(_verification: Verification) -> Finding:
    return skipped("the outputs of the stack are not as expected")


def _run(
    verification: Verification, name: str, probe: Callable[[Verification], Finding]
) -> ProbeResult:
    context = verification.context
    begun = context.clock.monotonic()
    try:
        finding = probe(verification)
    except (ClientError, BotoCoreError) as error:
        finding = error_finding(Status.FAIL, error)
    except RuntaskError as error:
        finding = failed("{text}", text=Private("text", str(error)))
    seconds = round(context.clock.monotonic() - begun, 2)
    context.say(f"{name}: {finding.status}: {finding.sentence.in_full()}")
    return ProbeResult(name=name, finding=finding, seconds=seconds)
