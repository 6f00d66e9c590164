"""Joins requests and documents into what the evaluator reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from tools.iam.documents import DEV, SENDER, STRANGERS, Principal, documents
from tools.iam.other_requests import OTHER_REQUESTS
from tools.iam.outcome_requests import OUTCOME_REQUESTS
from tools.iam.request import (
    ADMINISTRATOR,
    DEPLOY,
    FUNCTION,
    ORDERS,
    PROD_DEPLOY,
    READ,
    ROGUE,
    STRANGER,
    TASK_ROLE,
    WORKFLOW,
)
from tools.iam.role_requests import ROLE_REQUESTS

if TYPE_CHECKING:
    from tools.iam.documents import Documents
    from tools.iam.request import Request

REQUESTS: Final = (*ROLE_REQUESTS, *OUTCOME_REQUESTS, *OTHER_REQUESTS)

Simulations = dict[str, dict[str, Any]]

# The evaluator takes no values of these keys, which AWS does. They get the name of one that it
# takes for every request, in documents and requests alike.
_RENAMED: Final = {
    "kms:EncryptionContext:aws:sqs:arn": "aws:PrincipalTag/encryption-context-queue",
    "kms:EncryptionContext:aws:logs:arn": "aws:PrincipalTag/encryption-context-log",
    "kms:EncryptionContext:aws:s3:arn": "aws:PrincipalTag/encryption-context-bucket",
    "token.actions.githubusercontent.com:aud": "aws:PrincipalTag/github-audience",
    "token.actions.githubusercontent.com:sub": "aws:PrincipalTag/github-subject",
}

_EVERYTHING: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def simulations() -> Simulations:
    """Return the input of the evaluator for each request, by the request's title."""
    found = documents()
    subjects = _subjects(found)
    inputs = {
        request.title: _simulation(
            request, subjects.get(request.subject, Principal(arn=request.subject)), found
        )
        for request in REQUESTS
    }
    text = json.dumps(inputs)
    for key, other in _RENAMED.items():
        text = text.replace(f'"{key}"', f'"{other}"')
    renamed: Simulations = json.loads(text)
    return renamed


def digest(inputs: Simulations) -> str:
    """Return the SHA-256 of the evaluator's input, in hexadecimal."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _subjects(found: Documents) -> dict[str, Principal]:
    function = found.roles["ecs-run-task-dev-role"]
    return {
        FUNCTION: function,
        DEPLOY: found.roles["ecs-run-task-deploy"],
        READ: found.roles["ecs-run-task-read"],
        PROD_DEPLOY: found.roles["prod ecs-run-task-deploy"],
        ROGUE: Principal(
            arn=f"arn:aws:iam::{DEV}:role/ecs-run-task/ecs-run-task-rogue",
            policies=(_EVERYTHING,),
            boundary=function.boundary,
        ),
        ADMINISTRATOR: _with_all_rights(f"arn:aws:iam::{DEV}:role/administrator"),
        STRANGER: _with_all_rights(f"arn:aws:iam::{STRANGERS}:role/administrator"),
        ORDERS: _with_all_rights(SENDER),
        TASK_ROLE: Principal(arn=f"arn:aws:iam::{DEV}:role/report-task"),
        WORKFLOW: Principal(arn=found.arns["ecs-run-task-github"]),
    }


def _with_all_rights(arn: str) -> Principal:
    return Principal(arn=arn, policies=(_EVERYTHING,))


def _simulation(request: Request, subject: Principal, found: Documents) -> dict[str, Any]:
    # The objects of a bucket have the policy of the bucket. No bucket's ARN has an account.
    arn = request.resource.partition("/")[0] if ":s3:" in request.resource else request.resource
    owner = request.resource.split(":")[4] if request.resource.count(":") > 3 else ""  # noqa: PLR2004 - of an ARN
    context = {**request.context, "aws:ResourceAccount": owner or DEV}
    if ":role/" in subject.arn:
        context["aws:PrincipalArn"] = subject.arn
    simulation = {
        "request": {
            "principal": subject.arn,
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": owner or DEV},
            "contextVariables": context,
        },
        "identityPolicies": [
            {"name": f"policy {number}", "policy": policy}
            for number, policy in enumerate(subject.policies)
        ],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    if arn in found.resources:
        simulation["resourcePolicy"] = found.resources[arn]
    if subject.boundary:
        simulation["permissionBoundaryPolicies"] = [
            {"name": "boundary", "policy": subject.boundary}
        ]
    return simulation
