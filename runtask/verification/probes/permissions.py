"""What IAM would let the function do, by simulation."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.names import ALIAS, function_name
from runtask.verification.disclosure import Private
from runtask.verification.finding import (
    Finding,
    Status,
    error_finding,
    failed,
    is_denied,
    passed,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runtask.verification.context import Verification

_ECS_TASKS: Final = "ecs-tasks.amazonaws.com"

# A task definition and a role that exist nowhere: simulation needs no more than their ARNs.
_OTHER: Final = "runtask-verify-not-configured"

_ALLOWED: Final = "allowed"

# What stands for the wildcards of a configured pattern, to get an ARN that it matches.
_STANDS_FOR_WILDCARD: Final = "1"


class _CannotSimulateError(Exception):
    """IAM cannot be asked; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


def run_task_permission(verification: Verification) -> Finding:
    """Return whether the function may run the configured task definitions, and no other."""
    config = verification.config
    # What Lambda adds to the calls from within the function, and the boundary asks for.
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    name = function_name(config.stage)
    context = {"lambda:SourceFunctionArn": config.location.arn("lambda", f"function:{name}")}
    if config.cluster_arns:
        context["ecs:cluster"] = _example(config.cluster_arns[0])
    return _check(
        verification,
        "ecs:RunTask",
        "task definition",
        config.task_definition_arns,
        config.location.arn("ecs", f"task-definition/{_OTHER}:1"),
        context,
    )


def pass_role_permission(verification: Verification) -> Finding:
    """Return whether the function may pass the configured roles to tasks, and no other."""
    config = verification.config
    return _check(
        verification,
        "iam:PassRole",
        "role",
        (*config.task_roles, *config.execution_roles),
        config.location.iam_arn(f"role/{_OTHER}"),
        {"iam:PassedToService": _ECS_TASKS},
    )


def _check(  # noqa: PLR0913, PLR0917 - the parts of one question
    verification: Verification,
    action: str,
    kind: str,
    configured: Sequence[str],
    other: str,
    context: Mapping[str, str],
) -> Finding:
    try:
        simulate = _simulator(verification)
        denied = [arn for arn in map(_example, configured) if not simulate(action, arn, context)]
        other_is_configured = any(fnmatchcase(other, pattern) for pattern in configured)
        other_is_allowed = not other_is_configured and simulate(action, other, context)
    except _CannotSimulateError as cannot:
        return cannot.finding
    facts = {"configured": len(configured), "denied": len(denied)}
    if denied:
        return failed(
            f"the function's role may not {action} on {{denied}}, which the stage's configuration "
            "names",
            facts,
            denied=[Private("arn", arn) for arn in denied],
        )
    if other_is_allowed:
        return failed(f"the function's role may {action} on a {kind} that is not configured", facts)
    if other_is_configured:
        return passed(f"{action} is allowed on every {kind}, as configured", facts)
    return passed(
        f"{action} is allowed on each configured {kind} ({{count}}), and denied on another",
        facts,
        count=len(configured),
    )


def _simulator(verification: Verification) -> Callable[[str, str, Mapping[str, str]], bool]:
    """Return a function that asks IAM whether the function's role may do something.

    Raises:
        _CannotSimulateError: if the operator may not ask, or the answers are not to be relied on.
    """
    iam = verification.operator.session.client("iam")
    functions = verification.state.role.session.client("lambda")
    role = functions.get_function_configuration(
        FunctionName=verification.outputs["functionName"], Qualifier=ALIAS
    )["Role"]

    def simulate(action: str, resource: str, context: Mapping[str, str]) -> bool:
        try:
            answer = iam.simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=[action],
                ResourceArns=[resource],
                ContextEntries=[
                    {
                        "ContextKeyName": name,
                        "ContextKeyValues": [value],
                        "ContextKeyType": "string",
                    }
                    for name, value in context.items()
                ],
            )
        except (ClientError, BotoCoreError) as error:
            why = (
                "the operator may not call iam:SimulatePrincipalPolicy"
                if isinstance(error, ClientError) and is_denied(error)
                else "IAM cannot simulate here"
            )
            raise _CannotSimulateError(error_finding(Status.SKIPPED, error, f"{why}: ")) from None
        return all(one["EvalDecision"] == _ALLOWED for one in answer["EvaluationResults"])

    # The canary came through this queue, so a simulator that denies it does not see the role.
    queue = verification.config.location.arn(
        "sqs", str(verification.outputs["queueUrl"]).rpartition("/")[2]
    )
    if verification.launched and not simulate("sqs:ReceiveMessage", queue, {}):
        raise _CannotSimulateError(
            skipped("IAM's simulator denies what the function has just done; it is not relied on")
        )
    return simulate


def _example(pattern: str) -> str:
    """Return an ARN that a pattern matches."""
    return pattern.replace("*", _STANDS_FOR_WILDCARD).replace("?", _STANDS_FOR_WILDCARD)
