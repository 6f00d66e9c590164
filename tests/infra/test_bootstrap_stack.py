"""What an account's bootstrap stack registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.bootstrap_config import read_bootstrap_config
from tests.infra.test_function_stack import LOCATION, statement

if TYPE_CHECKING:
    from runtask.project import Project
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder


STORE = "ecs-run-task-artifacts"
ACCESS_LOG = "ecs-run-task-access-log"
BUCKETS = pytest.mark.parametrize("bucket", [STORE, ACCESS_LOG])
LIFECYCLE = "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def deploy_policy(bootstrap: Recorder) -> dict[str, Any]:
    return bootstrap.named("iam/rolePolicy:RolePolicy", "ecs-run-task-deploy-policy").document(
        "policy"
    )


@BUCKETS
def test_a_bucket_is_closed_to_the_public(bootstrap: Recorder, bucket: str) -> None:
    block = bootstrap.named(
        "s3/bucketPublicAccessBlock:BucketPublicAccessBlock", f"{bucket}-public-access"
    ).inputs
    assert {key for key, value in block.items() if value is True} == {
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    }


@BUCKETS
def test_a_bucket_keeps_versions_and_its_owner_owns_everything(
    bootstrap: Recorder, bucket: str
) -> None:
    versioning = bootstrap.named(
        "s3/bucketVersioning:BucketVersioning", f"{bucket}-versioning"
    ).inputs
    ownership = bootstrap.named(
        "s3/bucketOwnershipControls:BucketOwnershipControls", f"{bucket}-ownership"
    ).inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_only_the_buckets_own_key_may_encrypt_an_artifact(bootstrap: Recorder) -> None:
    policy = bootstrap.named("s3/bucketPolicy:BucketPolicy", f"{STORE}-policy").document("policy")
    key = f"arn:aws:kms:{LOCATION}:ecs-run-task-artifacts-key-0123456"
    assert statement(policy, "DenyOtherKeys")["Condition"] == {
        "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}
    }
    assert statement(policy, "DenyOtherEncryption")["Effect"] == "Deny"
    assert statement(policy, "DenyWithoutTls")["Action"] == ["s3:*"]


@BUCKETS
def test_a_bucket_is_used_over_tls_only(bootstrap: Recorder, bucket: str) -> None:
    policy = bootstrap.named("s3/bucketPolicy:BucketPolicy", f"{bucket}-policy").document("policy")
    tls = statement(policy, "DenyWithoutTls")
    arn = f"arn:aws:s3:{LOCATION}:{bucket}-0123456"
    assert (tls["Effect"], tls["Action"]) == ("Deny", ["s3:*"])
    assert tls["Resource"] == [arn, f"{arn}/*"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_reads_and_writes_artifacts_is_logged(bootstrap: Recorder) -> None:
    logging = bootstrap.only("s3/bucketLogging:BucketLogging")
    assert logging.inputs["bucket"] == f"{STORE}-0123456"
    assert logging.inputs["targetBucket"] == f"{ACCESS_LOG}-0123456"
    assert f"{ACCESS_LOG}-policy" in logging.depends_on


def test_only_s3_delivers_the_log_and_only_of_this_bucket(bootstrap: Recorder) -> None:
    policy = bootstrap.named("s3/bucketPolicy:BucketPolicy", f"{ACCESS_LOG}-policy").document(
        "policy"
    )
    assert [entry["Sid"] for entry in policy["Statement"]] == ["DenyWithoutTls", "DeliverLogs"]
    deliver = statement(policy, "DeliverLogs")
    assert deliver["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert deliver["Action"] == ["s3:PutObject"]
    assert deliver["Condition"] == {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:{LOCATION}:{STORE}-0123456"},
        "StringEquals": {"aws:SourceAccount": "111111111111"},
    }


def test_a_log_has_a_key_of_s3_because_s3_delivers_to_no_other(bootstrap: Recorder) -> None:
    def algorithm(bucket: str) -> str:
        (rule,) = bootstrap.named(ENCRYPTION, f"{bucket}-encryption").inputs["rules"]
        return str(rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"])

    assert (algorithm(STORE), algorithm(ACCESS_LOG)) == ("aws:kms", "AES256")


def test_the_log_of_accesses_ends(stack: Stack) -> None:
    recorder = stack("dev-bootstrap", accessLogRetentionDays="400")
    (rule,) = recorder.named(LIFECYCLE, f"{ACCESS_LOG}-lifecycle").inputs["rules"]
    assert rule["expiration"] == {"days": 400}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 7}


def test_old_versions_end_and_current_ones_stay(stack: Stack) -> None:
    recorder = stack("dev-bootstrap", artifactRetentionDays="30")
    lifecycle = recorder.named(LIFECYCLE, f"{STORE}-lifecycle")
    (rule,) = lifecycle.inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert "expiration" not in rule


def test_an_account_that_promotes_from_here_may_read_and_decrypt_and_no_more(
    bootstrap: Recorder,
) -> None:
    bucket = bootstrap.named("s3/bucketPolicy:BucketPolicy", f"{STORE}-policy").document("policy")
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
    bucket_arn = f"arn:aws:s3:{LOCATION}:{STORE}-0123456"
    assert statement(bucket, "ReadArtifacts")["Resource"] == [
        f"{bucket_arn}/artifacts/*",
        f"{bucket_arn}/builds/*",
    ]


def test_the_deploy_role_is_assumed_by_the_configured_principals(stack: Stack) -> None:
    recorder = stack("dev-bootstrap", deployExternalId="a-secret-handshake")
    trust = recorder.named("iam/role:Role", "ecs-run-task-deploy").document("assumeRolePolicy")
    (entry,) = trust["Statement"]
    assert entry["Principal"] == {"AWS": ["arn:aws:iam::111111111111:role/administrator"]}
    assert entry["Condition"] == {"StringEquals": {"sts:ExternalId": "a-secret-handshake"}}


def test_the_deploy_role_makes_no_role_without_the_boundary(bootstrap: Recorder) -> None:
    policy = deploy_policy(bootstrap)
    creating = [entry for entry in policy["Statement"] if "iam:CreateRole" in entry["Action"]]
    (entry,) = creating
    boundary = f"arn:aws:iam:{LOCATION}:ecs-run-task-boundary-eu-central-1"
    assert entry["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}


def test_the_deploy_role_cannot_change_itself_or_its_boundary(bootstrap: Recorder) -> None:
    role = bootstrap.named("iam/role:Role", "ecs-run-task-deploy").inputs
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
    trust = recorder.named("iam/role:Role", "ecs-run-task-deploy").document("assumeRolePolicy")
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
    trust = recorder.named("iam/role:Role", "ecs-run-task-deploy").document("assumeRolePolicy")
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
    assert read["Resource"] == [
        "arn:aws:s3:::ecs-run-task-artifacts-*/artifacts/*",
        "arn:aws:s3:::ecs-run-task-artifacts-*/builds/*",
    ]
    assert read["Condition"] == {"StringEquals": {"aws:ResourceAccount": ["111111111111"]}}
    assert statement(policy, "PromotedArtifactKmsKeys")["Resource"] == [
        "arn:aws:kms:eu-central-1:111111111111:key/*"
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
    assert launch["Condition"]["ArnLike"]["ecs:cluster"] == [f"{ecs}:cluster/batch-*"]
    assert statement(boundary, "TagTasks")["Resource"] == [f"{ecs}:task/batch-*/*"]
    assert statement(boundary, "DescribeServices")["Resource"] == [f"{ecs}:service/batch-*/*"]
    assert statement(boundary, "PassTaskRoles")["Resource"] == [
        "arn:aws:iam::111111111111:role/a",
        "arn:aws:iam::111111111111:role/b-?",
    ]


def test_promoted_artifacts_are_decrypted_through_s3_alone(stack: Stack) -> None:
    policy = deploy_policy(stack("prod-bootstrap"))
    assert statement(policy, "PromotedArtifactKmsKeys")["Condition"] == {
        "StringEquals": {"kms:ViaService": ["s3.eu-central-1.amazonaws.com"]}
    }


def test_a_source_in_another_region_is_named_with_it(stack: Stack) -> None:
    recorder = stack("prod-bootstrap", artifactSources='["111111111111/eu-west-1"]')
    policy = deploy_policy(recorder)
    keys = statement(policy, "PromotedArtifactKmsKeys")
    assert keys["Resource"] == ["arn:aws:kms:eu-west-1:111111111111:key/*"]
    assert keys["Condition"] == {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}}
    read = statement(policy, "PromotedArtifacts")
    assert read["Condition"] == {"StringEquals": {"aws:ResourceAccount": ["111111111111"]}}
