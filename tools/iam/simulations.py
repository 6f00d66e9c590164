"""Joins requests and documents into what the evaluator reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from tools.iam.documents import DEV, SENDER, STRANGERS, Principal, documents
from tools.iam.requests import (
    COLLEAGUE,
    FUNCTION,
    ORDERS,
    REQUESTS,
    ROGUE,
    STRANGER,
    WORKFLOW,
    Request,
)

if TYPE_CHECKING:
    from tools.iam.documents import Documents

_EVERYTHING: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def simulations() -> dict[str, dict[str, Any]]:
    """Return the input of the evaluator for each request, by the request's title."""
    found = documents()
    subjects = {
        **found.roles,
        ROGUE: Principal(
            arn=f"arn:aws:iam::{DEV}:role/ecs-run-task/ecs-run-task-rogue",
            policies=(_EVERYTHING,),
            boundary=found.roles[FUNCTION].boundary,
        ),
        COLLEAGUE: _with_all_rights(f"arn:aws:iam::{DEV}:role/colleague"),
        STRANGER: _with_all_rights(f"arn:aws:iam::{STRANGERS}:role/admin"),
        ORDERS: _with_all_rights(SENDER),
        WORKFLOW: Principal(arn=found.arns["ecs-run-task-github"]),
    }
    return {
        title(request): _simulation(
            request, subjects.get(request.subject, Principal(arn=request.subject)), found
        )
        for request in REQUESTS
    }


def title(request: Request) -> str:
    """Return the title of a request, by which its verdict is found."""
    return f"{request.subject} {request.name}"


def digest(inputs: dict[str, dict[str, Any]]) -> str:
    """Return the SHA-256 of the evaluator's input, in hexadecimal."""
    text = json.dumps(inputs, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _with_all_rights(arn: str) -> Principal:
    return Principal(arn=arn, policies=(_EVERYTHING,))


def _simulation(request: Request, subject: Principal, found: Documents) -> dict[str, Any]:
    # A bucket has no account in its ARN, and an object has the policy of its bucket.
    owner = found.resources.get(request.resource.partition("/")[0]) if ":s3:" in request.resource else None
    policy = owner or found.resources.get(request.resource)
    return {
        "request": {
            "principal": subject.arn,
            "action": request.action,
            "resource": {
                "resource": request.resource,
                "accountId": request.resource.split(":")[4] or DEV if request.resource != "*" else DEV,
            },
            "contextVariables": dict(request.context),
        },
        "identityPolicies": [
            {"name": f"policy-{number}", "policy": policy_}
            for number, policy_ in enumerate(subject.policies)
        ],
        **({"resourcePolicy": policy} if policy else {}),
        **(
            {"permissionBoundaryPolicies": [{"name": "boundary", "policy": subject.boundary}]}
            if subject.boundary
            else {}
        ),
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
