"""The bootstrap stack: what an account must have before a stage is deployed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from infra.artifact_store import ArtifactStore, ArtifactStoreArgs
from infra.documents import to_json
from infra.names import PREFIX, ROLE_PATH, artifact_store_name, deploy_role_name
from infra.policies.deploy_role import (
    GITHUB_ISSUER,
    DeployGrants,
    WorkflowTrust,
    deploy_policy,
    trust_deployers,
)
from infra.policies.permissions_boundary import boundary_policy

if TYPE_CHECKING:
    from infra.config import BootstrapConfig

# A deployment takes minutes; one hour is the shortest maximum that IAM offers.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_DEPLOY_SESSION_SECONDS: Final = 3600


class Bootstrap(pulumi.ComponentResource):
    """The artifact store, the deploy role, and the permissions boundary of the roles it creates.

    Attributes:
        artifact_bucket: Name of the artifact bucket.
        artifact_kms_key_arn: ARN of the KMS key that artifacts are encrypted with.
        deploy_role_arn: ARN of the deploy role.
        permissions_boundary_arn: ARN of the permissions boundary.
    """

    artifact_bucket: Output[str]
    artifact_kms_key_arn: Output[str]
    deploy_role_arn: Output[str]
    permissions_boundary_arn: Output[str]

    def __init__(
        self, name: str, config: BootstrapConfig, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:Bootstrap", name, None, opts)
        child = ResourceOptions(parent=self)
        location = config.location
        store = ArtifactStore(
            artifact_store_name(),
            ArtifactStoreArgs(
                location=location,
                readers=config.artifact_readers,
                retention_days=config.artifact_retention_days,
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
        workflows = self._workflows(config, location.deploy_role_arn)
        role = iam.Role(
            f"{PREFIX}deploy",
            name=deploy_role_name(location.region),
            description="Deploys the ecs-run-task stages of this account",
            assume_role_policy=to_json(
                trust_deployers(config.deploy_principals, config.deploy_external_id, workflows)
            ),
            max_session_duration=_DEPLOY_SESSION_SECONDS,
            # The policies of the stages' keys name the role, and AWS stores that by the role's id:
            # another role of the same name has no access to them.
            opts=ResourceOptions(parent=self, protect=config.protect),
        )
        # Inline, because that holds 10,240 characters and a managed policy only 6,144.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        iam.RolePolicy(
            f"{PREFIX}deploy-policy",
            role=role.name,
            policy=to_json(
                deploy_policy(
                    DeployGrants(
                        location=location,
                        boundary_arn=boundary.arn,
                        artifact_bucket_arn=store.bucket_arn,
                        artifact_kms_key_arn=store.kms_key_arn,
                        artifact_sources=config.artifact_sources,
                        own_arn=location.deploy_role_arn if workflows else "",
                    )
                )
            ),
            opts=child,
        )
        self.artifact_bucket = store.bucket
        self.artifact_kms_key_arn = store.kms_key_arn
        self.deploy_role_arn = role.arn
        self.permissions_boundary_arn = boundary.arn
        self._config = config
        self.register_outputs(self.outputs())

    def _workflows(self, config: BootstrapConfig, role_arn: str) -> WorkflowTrust | None:
        """Return the GitHub workflows that the role trusts.

        An account can have only one OIDC provider for GitHub; it is created unless one is given.
        """
        if config.github is None:
            return None
        provider_arn: Input[str] = config.github.provider_arn
        if not provider_arn:
            provider_arn = iam.OpenIdConnectProvider(
                f"{PREFIX}github",
                url=f"https://{GITHUB_ISSUER}",
                client_id_lists=["sts.amazonaws.com"],
                opts=ResourceOptions(parent=self),
            ).arn
        return WorkflowTrust(
            provider_arn=provider_arn,
            repositories=config.github.repositories,
            subjects=config.github.subjects,
            role_arn=role_arn,
        )

    def outputs(self) -> dict[str, Output[str] | list[str]]:
        """Return the stack's outputs, which the account's function stacks use."""
        return {
            "artifactBucket": self.artifact_bucket,
            "artifactKmsKeyArn": self.artifact_kms_key_arn,
            "deployRoleArn": self.deploy_role_arn,
            "permissionsBoundaryArn": self.permissions_boundary_arn,
            "boundaryRoles": list(self._config.boundary_roles),
            "boundaryClusters": list(self._config.boundary_cluster_arns),
        }
