"""SimulatePrincipalPolicy, answered by the evaluator that also decides about real calls.

MiniStack simulates without permissions boundaries and context keys, and finds no role that has a
path. As documented, the identity policies of a role or user count and its permissions boundary,
the resources need not exist, and no policy of a resource counts. A context key that the caller
does not give is absent, except those that follow from the principal and the time. Every action is
evaluated for every resource, one result for each pair. Parameters that would bring more policies
into the simulation are refused.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator.request import Response

    Parameters = dict[str, list[str]]

_DECISIONS: Final = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
_NOT_SIMULATED: Final = (
    "CallerArn",
    "PermissionsBoundaryPolicyInputList",
    "PolicyInputList",
    "ResourceOwner",
    "ResourcePolicy",
)
_OF_THE_PRINCIPAL: Final = ("aws:principalarn", "aws:principalaccount", "aws:principaltype")
_OF_THE_TIME: Final = ("aws:currenttime", "aws:epochtime")

_evaluator: Final = ministack_internals.iam_evaluator


class _GivenKeys(dict[str, str | list[str]]):
    """The condition keys of a call that is not made, by lower-case name."""


def install() -> None:
    """Replace MiniStack's simulation."""
    resolve = _evaluator._resolve_condition_key  # noqa: SLF001 - see ministack_internals

    def resolve_key(key: str, context: Any) -> Any:  # noqa: ANN401 - classes of MiniStack
        name = key.lower()
        given = context.service_context
        if not isinstance(given, _GivenKeys) or name in _OF_THE_PRINCIPAL + _OF_THE_TIME:
            return resolve(key, context)
        return given.get(name)

    _evaluator._resolve_condition_key = resolve_key  # noqa: SLF001 - see ministack_internals
    ministack_internals.IAM_ACTIONS["SimulatePrincipalPolicy"] = simulate_principal_policy


def simulate_principal_policy(parameters: Parameters) -> Response:
    """Answer SimulatePrincipalPolicy.

    Args:
        parameters: The fields of the form, with their values.
    """
    given = {name.partition(".")[0] for name in parameters}
    if refused := sorted(given.intersection(_NOT_SIMULATED)):
        text = f"The emulator does not simulate {', '.join(refused)}."
        return _error(400, "InvalidInput", text)
    arn = _one(parameters, "PolicySourceArn")
    principal = _principal(arn)
    if principal is None:
        return _error(404, "NoSuchEntity", f"The principal {arn} cannot be found.")
    policies, boundary = principal
    results = ""
    for action in _list(parameters, "ActionNames.member.{}"):
        for resource in list(_list(parameters, "ResourceArns.member.{}")) or ["*"]:
            context = _evaluator.EvalContext(
                principal_arn=arn,
                principal_type="User" if ":user/" in arn else "AssumedRole",
                principal_account=arn.split(":")[4],
                action=action,
                resource_arn=resource,
                region="",
                service_context=_context_keys(parameters),
            )
            decision = _DECISIONS[_evaluator.evaluate(context, policies, *boundary).decision]
            results += (
                f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
                f"<EvalDecision>{decision}</EvalDecision>"
                "<MatchedStatements/><MissingContextValues/></member>"
            )
    body = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
    answer: Response = ministack_internals.iam_xml(
        200,
        "SimulatePrincipalPolicyResponse",
        f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>",
    )
    return answer


def _principal(arn: str) -> tuple[Any, Any] | None:
    """Return the identity policies and the boundary of a role or user, or None if there is none."""
    account, kind = ministack_internals.get_account_id(), arn.rpartition(":")[2].partition("/")[0]
    # The name is unique in the account, whatever the path.
    name = arn.rpartition("/")[2]
    stores = {"role": ministack_internals.roles, "user": ministack_internals.users}
    store = stores.get(kind)
    if store is None or (store.get(name) or {}).get("Arn") != arn:
        return None
    gather = getattr(_evaluator, f"_gather_{kind}_policies")
    return gather(name, account), _evaluator._permissions_boundary(store, name, account)  # noqa: SLF001 - see ministack_internals


def _context_keys(parameters: Parameters) -> _GivenKeys:
    keys = _GivenKeys()
    entry = "ContextEntries.member.{}.ContextKey"
    for number, name in enumerate(_list(parameters, f"{entry}Name"), start=1):
        values = list(_list(parameters, f"{entry.format(number)}Values.member.{{}}"))
        is_list = _one(parameters, f"{entry.format(number)}Type").endswith("List")
        keys[name.lower()] = values if is_list else "".join(values[:1])
    return keys


def _list(parameters: Parameters, template: str) -> Iterator[str]:
    """Yield the members of a list, which the query protocol numbers from 1."""
    count = len(parameters)
    return takewhile(bool, (_one(parameters, template.format(n)) for n in range(1, count + 1)))


def _one(parameters: Parameters, name: str) -> str:
    return (parameters.get(name) or [""])[0]


def _error(status: int, code: str, text: str) -> Response:
    answer: Response = ministack_internals.iam_error(status, code, escape(text))
    return answer
