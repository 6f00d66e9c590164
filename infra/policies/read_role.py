"""The read role's permissions: what a preview and the operators' tools read in one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.policies.deploy_role import DeployGrants, deploy_policy
from infra.policies.statements import Document, document, reads

if TYPE_CHECKING:
    from infra.policies.statements import Statement

# Of what is no plain read: artifacts are encrypted, and a workflow's role assumes itself. The
# deploy role decrypts with the key of the artifacts alone; what it may do with the keys of stages
# is in their own policies.
_ALSO: Final = ("kms:Decrypt", "sts:AssumeRole")


def read_policy(grants: DeployGrants) -> Document:
    """Return the read role's permissions: what the deploy role may do, as far as it is a read.

    It reads no message, item or log line, and no function's environment, which the key of the stage
    encrypts.

    Args:
        grants: The resources that the deploy role may use, without those of other accounts; the
            role's own ARN is that of the read role.
    """
    return document(*map(_reading, deploy_policy(grants)["Statement"]))


def _reading(statement: Statement) -> Statement | None:
    """Return what a statement lets somebody read; None if that is nothing."""
    allowed = statement["Action"]
    kept = {*reads(allowed), *_ALSO}
    actions = [action for action in allowed if action in kept]
    return {**statement, "Action": actions} if actions else None
