"""The deploy role grants what is needed, and nothing else.

What a deployment needs follows from the registered resources of all stacks and from the calls that
the AWS provider makes for each type (`rehearsal.engine`). A new type of resource
fails here before it fails in an account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from infra.config import read_function_config
from infra.names import KMS_KEY_TAGS, Location
from infra.policies.deploy_role import DeployGrants, deploy_policy
from infra.policies.key_policies import stage_kms_key_policy
from infra.program import main
from rehearsal.engine import PROVIDER_CALLS
from runtask.project import load_project
from tests.infra.conftest import ROOT
from tests.infra.grants import Need, Statement, grants, missing
from tests.infra.test_iam_documents import resource_types
from tools.recorder import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.conftest import Stack

HERE: Final = Location(account="111111111111", region="eu-central-1")

# The account that artifacts are promoted from.
SOURCE: Final = Location(account="222222222222", region="eu-west-1")

BUCKET: Final = "arn:aws:s3:::ecs-run-task-artifacts-0123456"
ARTIFACT_KEY: Final = HERE.arn("kms", "key/11111111-1111-1111-1111-111111111111")
STAGE_KEY: Final = HERE.arn("kms", "key/22222222-2222-2222-2222-222222222222")
BOUNDARY: Final = HERE.iam_arn("policy/ecs-run-task/ecs-run-task-boundary-eu-central-1")
FUNCTION: Final = HERE.arn("lambda", "function:ecs-run-task-dev")
MAPPING: Final = HERE.arn("lambda", "event-source-mapping:33333333-3333-3333-3333-333333333333")
QUEUE: Final = HERE.arn("sqs", "ecs-run-task-dev")
DEAD_LETTERS: Final = HERE.arn("sqs", "ecs-run-task-dev-dlq-0123456")
TOPIC: Final = HERE.arn("sns", "ecs-run-task-dev-failures-0123456")
ROLE: Final = HERE.iam_arn("role/ecs-run-task/ecs-run-task-dev-role-0123456")
ALIAS: Final = HERE.arn("kms", "alias/ecs-run-task-dev")
LOG_GROUP: Final = HERE.arn("logs", "log-group:/aws/lambda/ecs-run-task-dev")
TABLE: Final = HERE.arn("dynamodb", "table/ecs-run-task-dev-ledger")
ALARM: Final = HERE.arn("cloudwatch", "alarm:ecs-run-task-dev-ledger-unavailable-0123456")
RULE: Final = HERE.arn("events", "rule/ecs-run-task-dev-stopped")
BUS: Final = HERE.arn("events", "event-bus/ecs-run-task-dev-results")
EVENTS_QUEUE: Final = HERE.arn("sqs", "ecs-run-task-dev-events")
DASHBOARD: Final = "arn:aws:cloudwatch::111111111111:dashboard/ecs-run-task-dev"
PAYLOAD_BUCKET: Final = "arn:aws:s3:::ecs-run-task-dev-payloads-0123456"
PAYLOAD: Final = f"{PAYLOAD_BUCKET}/payloads/nightly/{'ab' * 16}"
OBJECT: Final = f"{BUCKET}/builds/{'ab' * 32}.zip"
PROMOTED: Final = f"{BUCKET}/artifacts/{'ab' * 32}.zip"
RECORD: Final = f"{BUCKET}/promotions/dev/20260102T030405.000006Z-abababababab.json"

# What the actions of a resource type are authorised on; an alias on itself and its key.
RESOURCES: Final = {
    "cloudwatch/dashboard:Dashboard": (DASHBOARD,),
    "cloudwatch/eventBus:EventBus": (BUS,),
    "cloudwatch/eventRule:EventRule": (RULE,),
    "cloudwatch/eventTarget:EventTarget": (RULE,),
    "cloudwatch/logGroup:LogGroup": (LOG_GROUP,),
    "cloudwatch/metricAlarm:MetricAlarm": (ALARM,),
    "dynamodb/table:Table": (TABLE,),
    "iam/role:Role": (ROLE,),
    "iam/rolePolicy:RolePolicy": (ROLE,),
    "kms/alias:Alias": (ALIAS, STAGE_KEY),
    "kms/key:Key": (STAGE_KEY,),
    "lambda/alias:Alias": (f"{FUNCTION}:live",),
    "lambda/eventSourceMapping:EventSourceMapping": (MAPPING,),
    "lambda/function:Function": (FUNCTION,),
    "s3/bucket:Bucket": (PAYLOAD_BUCKET,),
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (PAYLOAD_BUCKET,),
    "s3/bucketObjectv2:BucketObjectv2": (OBJECT,),
    "s3/bucketOwnershipControls:BucketOwnershipControls": (PAYLOAD_BUCKET,),
    "s3/bucketPolicy:BucketPolicy": (PAYLOAD_BUCKET,),
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (PAYLOAD_BUCKET,),
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        PAYLOAD_BUCKET,
    ),
    "sns/topic:Topic": (TOPIC,),
    "sns/topicPolicy:TopicPolicy": (TOPIC,),
    "sns/topicSubscription:TopicSubscription": (TOPIC,),
    "sqs/queue:Queue": (QUEUE, DEAD_LETTERS),
    "sqs/queuePolicy:QueuePolicy": (QUEUE, DEAD_LETTERS),
    "sqs/redriveAllowPolicy:RedriveAllowPolicy": (DEAD_LETTERS,),
}

# Actions of a type that are authorised on something else.
OTHER_RESOURCES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "lambda/function:Function": {
        "iam:PassRole": (ROLE,),
        "kms:CreateGrant": (STAGE_KEY,),
        "kms:Encrypt": (STAGE_KEY,),
        "s3:GetObject": (OBJECT,),
    },
    "s3/bucket:Bucket": {"s3:DeleteObject": (PAYLOAD,), "s3:DeleteObjectVersion": (PAYLOAD,)},
}

CONTEXT: Final = {
    "events:TargetArn": EVENTS_QUEUE,
    "iam:PassedToService": "lambda.amazonaws.com",
    "iam:PermissionsBoundary": BOUNDARY,
    "kms:GrantIsForAWSResource": "true",
    "lambda:FunctionArn": f"{FUNCTION}:live",
    **{f"aws:RequestTag/{name}": value for name, value in KMS_KEY_TAGS.items()},
}

# Actions of the provider that no deployment of this program asks for.
NEVER: Final = {
    ("iam/role:Role", "iam:UpdateAssumeRolePolicy"): "a change of its trust replaces a role",
    ("sns/topicSubscription:TopicSubscription", "sns:SetSubscriptionAttributes"): (
        "topic, protocol and address are all that is set; a change of one replaces the subscription"
    ),
}

# Actions that AWS authorises on every resource, though its reference names one.
ON_ANYTHING: Final = {"cloudwatch:DescribeAlarms"}

# What is needed besides, and why.
BESIDES: Final = (
    Need(
        why="GetFunction leaves the tags out without it",
        action="lambda:ListTags",
        resource=FUNCTION,
    ),
    Need(
        why="the provider reads a mapping until it is gone; it has no function then",
        action="lambda:GetEventSourceMapping",
        resource=MAPPING,
    ),
    Need(
        why="GetFunction returns the environment only to those who may decrypt it",
        action="kms:Decrypt",
        resource=STAGE_KEY,
    ),
    Need(
        why="tags of a key that exists are changed one by one",
        action="kms:TagResource",
        resource=STAGE_KEY,
    ),
    Need(
        why="CreateKey tags a key that has no policy yet",
        action="kms:TagResource",
        resource=HERE.arn("kms", "key/new"),
        context=CONTEXT,
    ),
    *(
        Need(
            why="DynamoDB keeps the key of an encrypted table with the rights of its creator",
            action=f"kms:{action}",
            resource=STAGE_KEY,
            context={"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"},
        )
        for action in (
            *("DescribeKey", "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"),
            *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        )
    ),
    Need(
        why="DynamoDB keeps the key of an encrypted table by a grant",
        action="kms:CreateGrant",
        resource=STAGE_KEY,
        context={
            "kms:GrantIsForAWSResource": "true",
            "kms:ViaService": "dynamodb.eu-central-1.amazonaws.com",
        },
    ),
    *(
        Need(
            why="a function's code is named by its version",
            action="s3:GetObjectVersion",
            resource=resource,
        )
        for resource in (OBJECT, PROMOTED)
    ),
    *(
        Need(why="a promotion copies and records", action=action, resource=resource)
        for action in ("s3:GetObject", "s3:PutObject")
        for resource in (PROMOTED, RECORD)
    ),
    *(
        Need(why="artifacts are encrypted", action=action, resource=ARTIFACT_KEY)
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
    ),
    Need(
        why="a promotion tells an artifact that is missing from one that it may not read",
        action="s3:ListBucket",
        resource=BUCKET,
    ),
    Need(
        why="a promotion reads the source's artifact",
        action="s3:GetObject",
        resource="arn:aws:s3:::ecs-run-task-artifacts-7654321/artifacts/x.zip",
        context={"aws:ResourceAccount": SOURCE.account},
    ),
    Need(
        why="a promotion reads the source's artifact",
        action="kms:Decrypt",
        resource=SOURCE.arn("kms", "key/source"),
        context={"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
    ),
    Need(
        why="a workflow is the deploy role already when the provider assumes it",
        action="sts:AssumeRole",
        resource=HERE.deploy_role_arn,
    ),
)

DEPLOY_POLICY: Final[list[Statement]] = deploy_policy(
    DeployGrants(
        location=HERE,
        boundary_arn=BOUNDARY,
        artifact_bucket_arn=BUCKET,
        artifact_kms_key_arn=ARTIFACT_KEY,
        artifact_sources=(SOURCE,),
        email_subscribers=True,
        own_arn=HERE.deploy_role_arn,
    )
)["Statement"]


def key_statements(role_arn: str) -> list[Statement]:
    """Return what the stage key's policy grants a role."""
    config = read_function_config("dev", load_project(ROOT).stack_config("dev").get)
    return [
        {**statement, "Resource": [STAGE_KEY]}
        for statement in stage_kms_key_policy(config)["Statement"]
        if statement["Principal"] == {"AWS": role_arn}
    ]


KEY_POLICY: Final = key_statements(HERE.deploy_role_arn)


def registered(*stacks: str) -> set[str]:
    """Return the types of resources that some stacks register, every option used."""
    project = load_project(ROOT)
    options = {
        "ecs-run-task:githubRepositories": '["acme/reports"]',
        "ecs-run-task:githubSubjects": '["environment:prod"]',
        "ecs-run-task:notifyEmails": '["ops@example.com"]',
        "ecs-run-task:payloads": "true",
        "ecs-run-task:results": "bus",
    }
    types = set()
    for stack in stacks:
        config = project.stack_config(stack) | options
        config["ecs-run-task:artifact"] = config["ecs-run-task:artifact"] or "ab" * 32
        types |= {resource.type for resource in record(main, stack, config).resources}
    return types


@pytest.fixture(scope="module")
def types() -> set[str]:
    return registered("dev", "prod")


def needs_of(type_: str) -> list[Need]:
    found = []
    for action in sorted(PROVIDER_CALLS[f"aws:{type_}"].actions):
        if (type_, action) in NEVER:
            continue
        found += [
            Need(why=type_, action=action, resource=resource, context=CONTEXT)
            for resource in authorised_on(type_, action)
        ]
    return found


def authorised_on(type_: str, action: str) -> tuple[str, ...]:
    """Return what an action of a resource type is authorised on."""
    if action in ON_ANYTHING or not resource_types(action):
        return ("*",)
    return OTHER_RESOURCES.get(type_, {}).get(action, RESOURCES[type_])


def all_needs(types: set[str]) -> list[Need]:
    return [*(need for type_ in sorted(types) for need in needs_of(type_)), *BESIDES]


def test_the_providers_calls_are_known_for_every_registered_type(types: set[str]) -> None:
    bootstrap = registered("dev-bootstrap", "prod-bootstrap")
    assert {f"aws:{type_}" for type_ in types | bootstrap} <= PROVIDER_CALLS.keys()
    assert types <= RESOURCES.keys()


def test_the_deploy_role_may_do_what_its_stages_need(types: set[str]) -> None:
    assert not list(map(str, missing([*DEPLOY_POLICY, *KEY_POLICY], all_needs(types))))


def test_a_type_without_its_actions_is_found_before_a_deployment() -> None:
    needed = Need(why="an archive", action="events:CreateArchive", resource="*")
    assert missing([*DEPLOY_POLICY, *KEY_POLICY], [needed]) == [needed]


def test_the_deploy_role_may_do_nothing_that_its_stages_do_not_need(types: set[str]) -> None:
    needs = all_needs(types)
    unexplained = [
        f"{statement['Sid']}: {action}"
        for statement in (*DEPLOY_POLICY, *KEY_POLICY)
        for action in statement["Action"]
        if not any(grants({**statement, "Action": [action]}, need) for need in needs)
    ]
    assert not unexplained


@pytest.mark.parametrize("sid", [entry["Sid"] for entry in (*DEPLOY_POLICY, *KEY_POLICY)])
def test_without_a_statement_of_the_deploy_role_something_is_missing(
    types: set[str], sid: str
) -> None:
    fewer = [entry for entry in (*DEPLOY_POLICY, *KEY_POLICY) if entry["Sid"] != sid]
    assert missing(fewer, all_needs(types))


def test_the_deploy_role_cannot_change_whom_a_role_trusts() -> None:
    for role in (ROLE, HERE.deploy_role_arn, HERE.read_role_arn):
        need = Need(
            why="trust", action="iam:UpdateAssumeRolePolicy", resource=role, context=CONTEXT
        )
        assert missing(DEPLOY_POLICY, [need])


@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:DeleteObjectVersion"])
@pytest.mark.parametrize("resource", [OBJECT, PROMOTED, RECORD])
def test_the_deploy_role_deletes_no_artifact_and_no_record(action: str, resource: str) -> None:
    assert missing(DEPLOY_POLICY, [Need(why="never", action=action, resource=resource)])


def test_without_email_subscribers_no_subscription_of_the_account_can_be_removed() -> None:
    policy = deploy_policy(
        DeployGrants(
            location=HERE,
            boundary_arn=BOUNDARY,
            artifact_bucket_arn=BUCKET,
            artifact_kms_key_arn=ARTIFACT_KEY,
        )
    )["Statement"]
    for action in ("sns:GetSubscriptionAttributes", "sns:Subscribe", "sns:Unsubscribe"):
        for resource in ("*", TOPIC):
            assert missing(policy, [Need(why="closed", action=action, resource=resource)])


def test_a_mapping_that_is_gone_can_be_read() -> None:
    gone = Need(why="gone", action="lambda:GetEventSourceMapping", resource=MAPPING)
    assert not missing(DEPLOY_POLICY, [gone])
    for verb in ("Create", "Delete", "Update"):
        other = Need(why="not ours", action=f"lambda:{verb}EventSourceMapping", resource=MAPPING)
        assert missing(DEPLOY_POLICY, [other]), "only for the kit's functions"


def test_a_key_of_the_account_cannot_be_taken_by_tagging_it() -> None:
    foreign = HERE.arn("kms", "key/44444444-4444-4444-4444-444444444444")
    tagged = {f"aws:ResourceTag/{name}": value for name, value in KMS_KEY_TAGS.items()}
    for action in sorted({action for entry in KEY_POLICY for action in entry["Action"]}):
        need = Need(why="a foreign key", action=action, resource=foreign, context=tagged)
        assert missing(DEPLOY_POLICY, [need])


def test_the_keys_of_a_table_are_used_through_dynamodb_only() -> None:
    for action in ("kms:GenerateDataKey", "kms:ReEncryptTo"):
        assert missing(
            [*DEPLOY_POLICY, *KEY_POLICY], [Need(why="direct", action=action, resource=STAGE_KEY)]
        )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteTable", HERE.arn("dynamodb", "table/orders")),
        ("cloudwatch:DeleteAlarms", HERE.arn("cloudwatch", "alarm:orders")),
        ("cloudwatch:PutDashboard", "arn:aws:cloudwatch::111111111111:dashboard/orders"),
        ("events:PutRule", HERE.arn("events", "rule/orders")),
        ("events:PutTargets", HERE.arn("events", "rule/orders")),
        ("events:DeleteEventBus", HERE.arn("events", "event-bus/orders")),
        ("events:PutRule", HERE.arn("events", "rule/orders/ecs-run-task-dev")),
        ("s3:DeleteBucket", "arn:aws:s3:::orders-payloads-0123456"),
        ("s3:PutBucketPolicy", BUCKET),
        ("s3:DeleteBucket", BUCKET),
    ],
)
def test_what_is_not_a_stages_is_out_of_reach(action: str, resource: str) -> None:
    need = Need(why="not ours", action=action, resource=resource, context=CONTEXT)
    assert missing(DEPLOY_POLICY, [need])


@pytest.mark.parametrize(
    "target",
    [
        None,
        HERE.arn("sqs", "orders"),
        FUNCTION,
        "arn:aws:sqs:eu-central-1:999999999999:ecs-run-task-dev-events",
        HERE.arn("events", "event-bus/default"),
    ],
)
def test_a_rule_of_the_kit_sends_to_queues_of_the_kit_alone(target: str | None) -> None:
    context = {} if target is None else {"events:TargetArn": target}
    need = Need(why="elsewhere", action="events:PutTargets", resource=RULE, context=context)
    assert missing(DEPLOY_POLICY, [need])


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"])
def test_the_deploy_role_reads_and_writes_no_payload(action: str) -> None:
    assert missing(DEPLOY_POLICY, [Need(why="payloads", action=action, resource=PAYLOAD)])


def test_the_deploy_role_puts_no_event() -> None:
    assert missing(DEPLOY_POLICY, [Need(why="results", action="events:PutEvents", resource=BUS)])


@pytest.mark.parametrize(
    "action", ["PutItem", "GetItem", "DeleteItem", "Scan", "ExportTableToPointInTime"]
)
def test_the_deploy_role_reads_and_writes_no_item(action: str) -> None:
    need = Need(why="items", action=f"dynamodb:{action}", resource=TABLE)
    assert missing(DEPLOY_POLICY, [need])


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_INLINE_POLICY_CHARACTERS: Final = 10_240
MAX_MANAGED_POLICY_CHARACTERS: Final = 6144


def test_every_policy_fits(stack: Stack) -> None:
    recorder = stack(
        "prod-bootstrap",
        githubRepositories='["acme/reports", "acme@1/reports@2"]',
        githubSubjects='["environment:prod"]',
        allowNotifyEmails="true",
    )
    for policy in recorder.all("iam/rolePolicy:RolePolicy"):
        inline = policy.inputs["policy"]
        assert len("".join(inline.split())) < MAX_INLINE_POLICY_CHARACTERS, policy.name
    boundary = recorder.only("iam/policy:Policy").inputs["policy"]
    assert len("".join(boundary.split())) < MAX_MANAGED_POLICY_CHARACTERS
