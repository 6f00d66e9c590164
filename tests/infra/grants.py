"""What policy documents grant: just the part of IAM that the documents of this kit use."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Statement = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Need:
    """An action that somebody performs on a resource.

    Attributes:
        why: Who needs it, for the failure of a test.
        action: The IAM action.
        resource: The resource's ARN, or `*`.
        context: Condition keys and their values in the request.
    """

    why: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} ({self.why})"


def grants(statement: Statement, need: Need) -> bool:
    """Return whether an allowing statement grants what is needed."""
    return (
        statement["Effect"] == "Allow"
        and any(fnmatchcase(need.action, pattern) for pattern in statement["Action"])
        and any(fnmatchcase(need.resource, pattern) for pattern in statement["Resource"])
        and all(
            _holds(operator, values, need.context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def denied(statements: Sequence[Statement], need: Need) -> list[str]:
    """Return the Sids of the statements that deny an action, whatever other policies allow."""
    return [
        one["Sid"]
        for one in statements
        if one["Effect"] == "Deny" and grants({**one, "Effect": "Allow"}, need)
    ]


def missing(statements: Sequence[Statement], needs: Sequence[Need]) -> list[Need]:
    """Return what is needed and not granted by any of the statements."""
    return [need for need in needs if not any(grants(one, need) for one in statements)]


def _holds(operator: str, expected: str | Sequence[str], found: str | None) -> bool:
    """Return whether a condition holds.

    One whose key is not in the request does not, unless its operator is negated.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    values = [expected] if isinstance(expected, str) else list(expected)
    if operator == "Null":
        return values == [str(found is None).lower()]
    every = operator.startswith("ForAllValues:")
    # Each of no values is as expected.
    if found is None and (every or operator.endswith("IfExists")):
        return True
    operator = operator.removeprefix("ForAllValues:").removesuffix("IfExists")
    negated = "Not" in operator
    operator = operator.replace("Not", "")
    if operator in {"StringEquals", "Bool"}:
        matched = found in values
    else:
        assert operator in {"ArnLike", "ArnEquals", "StringLike"}, operator
        matched = found is not None and any(fnmatchcase(found, value) for value in values)
    return matched is not negated
