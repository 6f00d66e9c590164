"""The permissions that AWS checks and MiniStack does not. No evidence about AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.end_to_end.ecs_calls import (
    ACCOUNT,
    CLUSTER,
    OTHER_ACCOUNT,
    OTHER_ROLE,
    REGION,
    TASK_ROLE,
    refused,
    run,
    statement,
    trust,
)

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator


class TestPermissions:
    DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:*"
    RUN = statement("ecs:RunTask", resource=DEFINITION, ArnEquals={"ecs:cluster": CLUSTER})
    PASS = statement(
        "iam:PassRole",
        resource=TASK_ROLE,
        StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com"},
    )

    def test_a_right_policy_is_enough(self, as_role: Any) -> None:
        assert run(as_role("ecs", self.RUN, self.PASS))["tasks"]

    def test_cluster_condition_is_checked(self, as_role: Any) -> None:
        other = {"ecs:cluster": f"{CLUSTER}-other"}
        policy = statement("ecs:RunTask", resource=self.DEFINITION, ArnEquals=other)

        with refused(
            "AccessDeniedException", "ecs:RunTask on resource: .*task-definition/report:1"
        ):
            run(as_role("ecs", policy, self.PASS))

    def test_role_of_the_definition_must_be_passed(self, as_role: Any) -> None:
        text = f"not authorized to perform: iam:PassRole on resource: {TASK_ROLE} because no"

        with refused("AccessDeniedException", text):
            run(as_role("ecs", self.RUN))

    def test_role_of_an_override_must_be_passed(self, as_role: Any) -> None:
        with refused("AccessDeniedException", f"iam:PassRole on resource: {OTHER_ROLE}"):
            run(as_role("ecs", self.RUN, self.PASS), overrides={"taskRoleArn": OTHER_ROLE})

    def test_tags_need_a_permission_of_their_own(self, as_role: Any) -> None:
        tags = [{"key": "a", "value": "b"}]
        tagging = statement(
            "ecs:TagResource",
            resource=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/jobs/*",
            StringEquals={"ecs:CreateAction": "RunTask"},
        )

        with refused("AccessDeniedException", "ecs:TagResource"):
            run(as_role("ecs", self.RUN, self.PASS), tags=tags)
        assert run(as_role("ecs", self.RUN, self.PASS, tagging), tags=tags)["tasks"]

    def test_services_are_described_by_their_full_arn(self, as_role: Any) -> None:
        service = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/jobs/web"
        condition = {"ecs:cluster": CLUSTER}
        policy = statement("ecs:DescribeServices", resource=service, ArnEquals=condition)
        client = as_role("ecs", policy)

        assert client.describe_services(cluster="jobs", services=["web"])["failures"]
        with refused("AccessDeniedException", "service/jobs/api"):
            client.describe_services(cluster="jobs", services=["web", "api"])

    def test_definitions_are_described_on_everything(self, as_role: Any) -> None:
        with refused("AccessDeniedException"):
            as_role(
                "ecs", statement("ecs:DescribeTaskDefinition", resource=self.DEFINITION)
            ).describe_task_definition(taskDefinition="report")
        as_role("ecs", statement("ecs:DescribeTaskDefinition")).describe_task_definition(
            taskDefinition="report"
        )

    def test_sending_to_an_encrypted_queue_needs_its_key(
        self, emulator: Emulator, as_role: Any
    ) -> None:
        key = emulator.client("kms", ACCOUNT, REGION).create_key()["KeyMetadata"]["Arn"]
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        url = sqs.create_queue(QueueName="secret", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:secret"
        send = statement("sqs:SendMessage", "sqs:ReceiveMessage", resource=queue)

        with refused("AccessDenied", "kms:GenerateDataKey on resource: arn:aws:kms"):
            as_role("sqs", send).send_message(QueueUrl=url, MessageBody="x")
        use = statement("kms:GenerateDataKey", "kms:Decrypt", resource=key)
        as_role("sqs", send, use).send_message(QueueUrl=url, MessageBody="x")
        with refused("AccessDenied", "kms:Decrypt"):
            as_role("sqs", send).receive_message(QueueUrl=url)

    def test_roles_are_limited_by_their_boundary(self, emulator: Emulator, as_role: Any) -> None:
        policy = {"Version": "2012-10-17", "Statement": [statement("sqs:*")]}
        boundary = emulator.client("iam", ACCOUNT, REGION).create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(policy)
        )["Policy"]["Arn"]
        limit = {"iam:PermissionsBoundary": boundary}
        client = as_role(
            "iam", statement("iam:CreateRole", "iam:PutRolePolicy", StringEquals=limit)
        )
        request = {"RoleName": "made", "AssumeRolePolicyDocument": json.dumps(trust("lambda"))}

        with refused("AccessDenied", "iam:CreateRole"):
            client.create_role(**request)
        client.create_role(**request, PermissionsBoundary=boundary)
        client.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=json.dumps(policy))
        with refused("AccessDenied", "iam:PutRolePolicy"):
            client.put_role_policy(
                RoleName="task", PolicyName="p", PolicyDocument=json.dumps(policy)
            )

    def test_objects_under_a_key_need_the_key(self, emulator: Emulator, as_role: Any) -> None:
        kms, s3 = (emulator.client(name, ACCOUNT, REGION) for name in ("kms", "s3"))
        key = kms.create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket="locked", CreateBucketConfiguration={"LocationConstraint": REGION})
        objects = statement("s3:PutObject", "s3:GetObject", resource="arn:aws:s3:::locked/*")
        target = {"Bucket": "locked", "Key": "a/b c.txt"}
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

        with refused("AccessDenied", "kms:GenerateDataKey on resource: arn:aws:kms"):
            as_role("s3", objects).put_object(**target, **encryption, Body=b"x")
        s3.put_object(**target, **encryption, Body=b"x")
        with refused("AccessDenied", "kms:Decrypt on resource: arn:aws:kms"):
            as_role("s3", objects).get_object(**target)
        use = statement("kms:Decrypt", resource=key)
        assert as_role("s3", objects, use).get_object(**target)["Body"].read() == b"x"

    def test_bucket_policy_can_insist_on_a_key(self, emulator: Emulator, as_role: Any) -> None:
        kms, s3 = (emulator.client(name, ACCOUNT, REGION) for name in ("kms", "s3"))
        right, wrong = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        s3.create_bucket(Bucket="fussy", CreateBucketConfiguration={"LocationConstraint": REGION})
        condition = {"s3:x-amz-server-side-encryption-aws-kms-key-id": right}
        rule = statement("s3:PutObject", resource="arn:aws:s3:::fussy/*", StringNotEquals=condition)
        deny = {**rule, "Effect": "Deny", "Principal": "*"}
        policy = {"Version": "2012-10-17", "Statement": [deny]}
        s3.put_bucket_policy(Bucket="fussy", Policy=json.dumps(policy))
        client = as_role("s3", statement("s3:PutObject", "kms:GenerateDataKey"))
        request = {"Bucket": "fussy", "Key": "k", "Body": b"", "ServerSideEncryption": "aws:kms"}

        with refused("AccessDenied", "explicit deny in a resource-based policy"):
            client.put_object(**request, SSEKMSKeyId=wrong)
        client.put_object(**request, SSEKMSKeyId=right)

    def test_key_of_another_account_must_let_the_reader_in(
        self, emulator: Emulator, as_role: Any
    ) -> None:
        kms, s3 = (emulator.client(name, OTHER_ACCOUNT, REGION) for name in ("kms", "s3"))
        key = kms.create_key()["KeyMetadata"]
        s3.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": REGION})
        reader = {"AWS": ACCOUNT}
        role = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/call*"}
        objects = statement("s3:GetObject", resource="arn:aws:s3:::abroad/*", ArnLike=role)
        allow = {**objects, "Principal": reader}
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        s3.put_bucket_policy(Bucket="abroad", Policy=json.dumps(policy))
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["Arn"]}
        s3.put_object(Bucket="abroad", Key="k", Body=b"x", **encryption)
        client = as_role("s3", statement("s3:GetObject", "kms:Decrypt"))

        with refused("AccessDenied", "kms:Decrypt"):
            client.get_object(Bucket="abroad", Key="k")
        root = {**statement("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}}
        decrypt = {**statement("kms:Decrypt", ArnLike=role), "Principal": reader}
        document = json.dumps({"Version": "2012-10-17", "Statement": [root, decrypt]})
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=document)
        assert client.get_object(Bucket="abroad", Key="k")["Body"].read() == b"x"

    def test_mappings_are_limited_by_their_function(self, emulator: Emulator, as_role: Any) -> None:
        assert emulator
        condition = {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:kit-*"}
        client = as_role("lambda", statement("lambda:*", ArnLike=condition))
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:any"

        with refused("AccessDenied", "lambda:CreateEventSourceMapping"):
            client.create_event_source_mapping(FunctionName="other", EventSourceArn=queue)
        with refused("ResourceNotFound"):
            client.create_event_source_mapping(FunctionName="kit-one", EventSourceArn=queue)

    def test_role_of_a_volume_is_passed_to_ecs(self, as_role: Any) -> None:
        volume = {"name": "data", "managedEBSVolume": {"roleArn": OTHER_ROLE, "sizeInGiB": 1}}

        def pass_to(service: str) -> dict[str, Any]:
            condition = {"iam:PassedToService": service}
            return statement("iam:PassRole", resource=OTHER_ROLE, StringEquals=condition)

        for allowed in ([], [pass_to("ecs-tasks.amazonaws.com")]):
            with refused("AccessDeniedException", f"iam:PassRole on resource: {OTHER_ROLE}"):
                run(as_role("ecs", self.RUN, self.PASS, *allowed), volumeConfigurations=[volume])
        client = as_role("ecs", self.RUN, self.PASS, pass_to("ecs.amazonaws.com"))
        assert run(client, volumeConfigurations=[volume])["tasks"]
