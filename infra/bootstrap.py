"""The bootstrap stack: what an account must have before a stage is deployed to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from infra.artifact_store import ArtifactStore, ArtifactStoreArgs
from infra.documents import to_json
from infra.names import (
    PREFIX,
    ROLE_PATH,
    artifact_store_name,
    deploy_role_name,
    read_role_name,
)
from infra.policies.deploy_role import DeployGrants, deploy_policy
from infra.policies.permissions_boundary import boundary_policy
from infra.policies.read_role import read_policy
from infra.policies.trust import GITHUB_ISSUER, WorkflowTrust, trust_callers

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.bootstrap_config import BootstrapConfig, Callers
    from infra.policies.statements import Document

# A deployment takes minutes; one hour is the shortest maximum that IAM offers.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_SESSION_SECONDS: Final = 3600


class Bootstrap(pulumi.ComponentResource):
    """The artifact store, the deploy role, its roles' permissions boundary, and the read role.

    Attributes:
        artifact_bucket: Name of the artifact bucket.
        artifact_kms_key_arn: ARN of the KMS key that artifacts are encrypted with.
        deploy_role_arn: ARN of the deploy role.
        read_role_arn: ARN of the read role.
        permissions_boundary_arn: ARN of the permissions boundary.
    """

    artifact_bucket: Output[str]
    artifact_kms_key_arn: Output[str]
    deploy_role_arn: Output[str]
    read_role_arn: Output[str]
    permissions_boundary_arn: Output[str]

    def __init__(
        self, name: str, config: BootstrapConfig, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:Bootstrap", name, None, opts)
        self._config = config
        child = ResourceOptions(parent=self)
        location = config.location
        store = ArtifactStore(
            artifact_store_name(),
            ArtifactStoreArgs(
                location=location,
                readers=config.artifact_readers,
                retention_days=config.artifact_retention_days,
                access_log_retention_days=config.access_log_retention_days,
                protect=config.protect,
            ),
            child,
        )
        boundary = iam.Policy(
            f"{PREFIX}boundary",
            name=f"{PREFIX}boundary-{location.region}",
            path=ROLE_PATH,
            description="Permissions boundary of every role that the deploy role creates",
            policy=to_json(
                boundary_policy(
                    location,
                    role_arns=config.boundary_roles,
                    cluster_arns=config.boundary_cluster_arns,
                )
            ),
            opts=child,
        )
        grants = DeployGrants(
            location=location,
            boundary_arn=boundary.arn,
            artifact_bucket_arn=store.bucket_arn,
            artifact_kms_key_arn=store.kms_key_arn,
            email_subscribers=config.allow_notify_emails,
        )
        provider_arn = self._identity_provider(config)
        deploy_role = self._role(
            "deploy",
            deploy_role_name(location.region),
            "Deploys the ecs-run-task stages of this account",
            config.deployers,
            provider_arn,
            lambda own_arn: deploy_policy(
                replace(grants, artifact_sources=config.artifact_source_locations, own_arn=own_arn)
            ),
        )
        read_role = self._role(
            "read",
            read_role_name(location.region),
            "Reads what the ecs-run-task stages of this account are",
            config.readers,
            provider_arn,
            lambda own_arn: read_policy(replace(grants, own_arn=own_arn)),
        )
        self.artifact_bucket = store.bucket
        self.artifact_kms_key_arn = store.kms_key_arn
        self.deploy_role_arn = deploy_role.arn
        self.read_role_arn = read_role.arn
        self.permissions_boundary_arn = boundary.arn
        self.register_outputs(self.outputs())

    def _role(  # noqa: PLR0913, PLR0917 - what the two roles differ in
        self,
        kind: str,
        name: str,
        description: str,
        callers: Callers,
        provider_arn: Input[str],
        policy: Callable[[str], Document],
    ) -> iam.Role:
        """Return a role with its policy.

        Args:
            kind: The end of the logical name.
            name: The physical name.
            description: What the role is for.
            callers: Who may assume it.
            provider_arn: ARN of the account's OIDC provider for GitHub; empty for none.
            policy: Returns the role's policy for its own ARN, which is empty unless the role must
                be able to assume itself.
        """
        config = self._config
        workflows = None
        own_arn = config.location.iam_arn(f"role/{name}")
        if callers.subjects:
            workflows = WorkflowTrust(
                provider_arn=provider_arn,
                repositories=callers.repositories,
                subjects=callers.subjects,
                role_arn=own_arn,
            )
        role = iam.Role(
            f"{PREFIX}{kind}",
            name=name,
            description=description,
            assume_role_policy=to_json(
                trust_callers(callers.principals, config.deploy_external_id, workflows)
            ),
            max_session_duration=_SESSION_SECONDS,
            # The policies of the stages' keys name the role, and AWS stores that by the role's id:
            # another role of the same name has no access to them.
            opts=ResourceOptions(parent=self, protect=config.protect),
        )
        # Inline, because that holds 10,240 characters and a managed policy only 6,144.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        iam.RolePolicy(
            f"{PREFIX}{kind}-policy",
            role=role.name,
            policy=to_json(policy(own_arn if workflows else "")),
            opts=ResourceOptions(parent=self),
        )
        return role

    def _identity_provider(self, config: BootstrapConfig) -> Input[str]:
        """Return the ARN of the account's OIDC provider for GitHub; empty without GitHub.

        An account can have only one; it is created unless one is given.
        """
        if config.github is None:
            return ""
        if config.github.provider_arn:
            return config.github.provider_arn
        return iam.OpenIdConnectProvider(
            f"{PREFIX}github",
            url=f"https://{GITHUB_ISSUER}",
            client_id_lists=["sts.amazonaws.com"],
            opts=ResourceOptions(parent=self),
        ).arn

    def outputs(self) -> dict[str, Output[str] | list[str] | bool]:
        """Return the stack's outputs, which the account's function stacks use."""
        return {
            "artifactBucket": self.artifact_bucket,
            "artifactKmsKeyArn": self.artifact_kms_key_arn,
            "deployRoleArn": self.deploy_role_arn,
            "readRoleArn": self.read_role_arn,
            "permissionsBoundaryArn": self.permissions_boundary_arn,
            "boundaryRoles": list(self._config.boundary_roles),
            "boundaryClusters": list(self._config.boundary_cluster_arns),
            "allowNotifyEmails": self._config.allow_notify_emails,
            # That deploy role and boundary know what follows a launch.
            "outcomes": True,
        }
