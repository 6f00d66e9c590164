"""What an account's bootstrap stack registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.config import read_bootstrap_config
from tests.infra.test_function_stack import LOCATION, statement

if TYPE_CHECKING:
    from runtask.project import Project
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder


def deploy_policy(bootstrap: Recorder) -> dict[str, Any]:
    return bootstrap.only("iam/rolePolicy:RolePolicy").document("policy")


def test_the_bucket_is_closed_to_the_public(bootstrap: Recorder) -> None:
    block = bootstrap.only("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert {key for key, value in block.items() if value is True} == {
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    }


def test_the_bucket_keeps_versions_and_its_owner_owns_everything(bootstrap: Recorder) -> None:
    versioning = bootstrap.only("s3/bucketVersioning:BucketVersioning").inputs
    ownership = bootstrap.only("s3/bucketOwnershipControls:BucketOwnershipControls").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_only_the_buckets_own_key_may_encrypt_an_artifact(bootstrap: Recorder) -> None:
    policy = bootstrap.only("s3/bucketPolicy:BucketPolicy").document("policy")
    key = f"arn:aws:kms:{LOCATION}:ecs-run-task-artifacts-key-0123456"
    assert statement(policy, "DenyOtherKeys")["Condition"] == {
        "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}
    }
    assert statement(policy, "DenyOtherEncryption")["Effect"] == "Deny"
    assert statement(policy, "DenyWithoutTls")["Action"] == ["s3:*"]


def test_old_versions_end_and_current_ones_stay(stack: Stack) -> None:
    recorder = stack("dev-bootstrap", artifactRetentionDays="30")
    lifecycle = recorder.only("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    (rule,) = lifecycle.inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert "expiration" not in rule


def test_an_account_that_promotes_from_here_may_read_and_decrypt_and_no_more(
    bootstrap: Recorder,
) -> None:
    bucket = bootstrap.only("s3/bucketPolicy:BucketPolicy").document("policy")
    key = bootstrap.only("kms/key:Key").document("policy")
    readers = {
        "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:role/ecs-run-task-deploy-*"]}
    }
    for document, sid, actions in (
        (bucket, "ReadArtifacts", ["s3:GetObject"]),
        (key, "DecryptArtifacts", ["kms:Decrypt"]),
    ):
        found = statement(document, sid)
        assert found["Principal"] == {"AWS": ["222222222222"]}
        assert found["Action"] == actions
        assert found["Condition"] == readers


def test_the_deploy_role_is_assumed_by_the_configured_principals(stack: Stack) -> None:
    recorder = stack("dev-bootstrap", deployExternalId="a-secret-handshake")
    trust = recorder.only("iam/role:Role").document("assumeRolePolicy")
    (entry,) = trust["Statement"]
    assert entry["Principal"] == {"AWS": ["arn:aws:iam::111111111111:root"]}
    assert entry["Condition"] == {"StringEquals": {"sts:ExternalId": "a-secret-handshake"}}


def test_the_deploy_role_makes_no_role_without_the_boundary(bootstrap: Recorder) -> None:
    policy = deploy_policy(bootstrap)
    creating = [entry for entry in policy["Statement"] if "iam:CreateRole" in entry["Action"]]
    (entry,) = creating
    boundary = f"arn:aws:iam:{LOCATION}:ecs-run-task-boundary-eu-central-1"
    assert entry["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}


def test_the_deploy_role_cannot_change_itself_or_its_boundary(bootstrap: Recorder) -> None:
    role = bootstrap.only("iam/role:Role").inputs
    policy = deploy_policy(bootstrap)
    assert "path" not in role
    for entry in policy["Statement"]:
        if any(action.startswith("iam:") for action in entry["Action"]):
            assert entry["Resource"] == [
                "arn:aws:iam::111111111111:role/ecs-run-task/ecs-run-task-*"
            ]


def test_workflows_are_trusted_by_repository_and_by_branch_or_environment(stack: Stack) -> None:
    recorder = stack(
        "dev-bootstrap",
        githubRepositories='["acme/reports", "acme@12/reports@34"]',
        githubSubjects='["ref:refs/heads/main", "environment:prod"]',
    )
    trust = recorder.only("iam/role:Role").document("assumeRolePolicy")
    entry = statement(trust, "Workflows")
    provider = recorder.only("iam/openIdConnectProvider:OpenIdConnectProvider")
    assert provider.inputs["url"] == "https://token.actions.githubusercontent.com"
    assert entry["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert entry["Principal"] == {
        "Federated": [f"arn:aws:iam:{LOCATION}:ecs-run-task-github-0123456"]
    }
    assert entry["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": [
                "repo:acme/reports:environment:prod",
                "repo:acme/reports:ref:refs/heads/main",
                "repo:acme@12/reports@34:environment:prod",
                "repo:acme@12/reports@34:ref:refs/heads/main",
            ],
        }
    }


def test_an_account_that_has_the_oidc_provider_gets_no_second_one(stack: Stack) -> None:
    arn = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
    recorder = stack(
        "dev-bootstrap",
        githubRepositories='["acme/reports"]',
        githubSubjects='["environment:prod"]',
        githubProviderArn=arn,
        deployPrincipals="[]",
    )
    assert not recorder.all("iam/openIdConnectProvider:OpenIdConnectProvider")
    trust = recorder.only("iam/role:Role").document("assumeRolePolicy")
    assert statement(trust, "Workflows")["Principal"] == {"Federated": [arn]}
    assert [entry["Sid"] for entry in trust["Statement"]] == ["Workflows", "AssumeItself"]


def test_only_an_account_that_is_promoted_to_reads_others_artifacts(
    bootstrap: Recorder, stack: Stack
) -> None:
    sids = [entry["Sid"] for entry in deploy_policy(bootstrap)["Statement"]]
    assert not {"PromotedArtifacts", "PromotedArtifactKmsKeys", "AssumeItself"} & set(sids)
    policy = deploy_policy(stack("prod-bootstrap"))
    read = statement(policy, "PromotedArtifacts")
    assert read["Action"] == ["s3:GetObject"]
    assert read["Resource"] == ["arn:aws:s3:::ecs-run-task-artifacts-*/artifacts/*"]
    assert read["Condition"] == {"StringEquals": {"aws:ResourceAccount": ["111111111111"]}}
    assert statement(policy, "PromotedArtifactKmsKeys")["Resource"] == [
        "arn:aws:kms:*:111111111111:key/*"
    ]


def test_what_stages_are_limited_to_is_exported(project: Project) -> None:
    config = read_bootstrap_config("dev-bootstrap", project.stack_config("dev-bootstrap").get)
    assert config.boundary_roles == ("arn:aws:iam::111111111111:role/report-*",)
    assert config.boundary_cluster_arns == (f"arn:aws:ecs:{LOCATION}:cluster/batch",)


def test_the_boundary_names_the_administrators_roles_and_clusters(stack: Stack) -> None:
    recorder = stack(
        "dev-bootstrap",
        boundaryRoles='["arn:aws:iam::111111111111:role/a", "arn:aws:iam::111111111111:role/b-?"]',
        boundaryClusters='["batch-*"]',
    )
    boundary = recorder.only("iam/policy:Policy").document("policy")
    ecs = "arn:aws:ecs:eu-central-1:111111111111"
    launch = statement(boundary, "LaunchTasks")
    assert launch["Condition"] == {"ArnLike": {"ecs:cluster": [f"{ecs}:cluster/batch-*"]}}
    assert statement(boundary, "TagTasks")["Resource"] == [f"{ecs}:task/batch-*/*"]
    assert statement(boundary, "DescribeServices")["Resource"] == [f"{ecs}:service/batch-*/*"]
    assert statement(boundary, "PassTaskRoles")["Resource"] == [
        "arn:aws:iam::111111111111:role/a",
        "arn:aws:iam::111111111111:role/b-?",
    ]


def test_promoted_artifacts_are_decrypted_through_s3_alone(stack: Stack) -> None:
    policy = deploy_policy(stack("prod-bootstrap"))
    assert statement(policy, "PromotedArtifactKmsKeys")["Condition"] == {
        "StringLike": {"kms:ViaService": ["s3.*.amazonaws.com"]}
    }
