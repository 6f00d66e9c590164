"""Who may assume the roles of an account's bootstrap stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.policies.statements import Conditions, Document, Statement, allow, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

# Host of the OIDC provider of GitHub Actions.
GITHUB_ISSUER: Final = "token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class WorkflowTrust:
    """The GitHub workflows that may assume a role.

    A workflow runs as the role already when the AWS provider assumes it as `aws:assumeRoles` says.
    So the role must be able to assume itself.

    Attributes:
        provider_arn: ARN of the account's OIDC provider for GitHub.
        repositories: Repositories, `owner/name` or `owner@id/name@id`.
        subjects: Branches, tags or environments, such as `environment:prod`.
        role_arn: ARN of the role itself.
    """

    provider_arn: Input[str]
    repositories: Sequence[str]
    subjects: Sequence[str]
    role_arn: str


def trust_callers(
    principals: Sequence[str], external_id: str, workflows: WorkflowTrust | None = None
) -> Document:
    """Return the trust policy of a role that `principals` and `workflows` assume.

    Args:
        principals: Account ids, or ARNs of roles or users.
        external_id: The external id that they must present; empty for none.
        workflows: The workflows of a GitHub repository, if any.
    """
    conditions: Conditions | None = (
        {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    )
    return document(
        allow(
            "Callers",
            ["sts:AssumeRole"],
            principals={"AWS": sorted(principals)},
            conditions=conditions,
        )
        if principals
        else None,
        *(_trust_workflows(workflows) if workflows else ()),
    )


def _trust_workflows(workflows: WorkflowTrust) -> tuple[Statement, Statement]:
    """Return the trust statements for GitHub Actions, by repository and branch or environment.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    subjects = [
        f"repo:{repository}:{subject}"
        for repository in sorted(workflows.repositories)
        for subject in sorted(workflows.subjects)
    ]
    return (
        allow(
            "Workflows",
            ["sts:AssumeRoleWithWebIdentity"],
            principals={"Federated": [workflows.provider_arn]},
            conditions={
                "StringEquals": {
                    f"{GITHUB_ISSUER}:aud": "sts.amazonaws.com",
                    f"{GITHUB_ISSUER}:sub": subjects,
                }
            },
        ),
        allow(
            "AssumeItself",
            ["sts:AssumeRole"],
            # As a condition, because IAM rejects a principal that does not exist yet.
            principals={"AWS": workflows.role_arn.split(":")[4]},
            conditions={"ArnEquals": {"aws:PrincipalArn": workflows.role_arn}},
        ),
    )
