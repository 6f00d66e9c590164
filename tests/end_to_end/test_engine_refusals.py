"""What the in-process engine refuses, by the name of the resource."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws
import pytest

from rehearsal.engine import EngineError
from tests.end_to_end.ecs_calls import ACCOUNT, OTHER_ACCOUNT, REGION

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator
    from rehearsal.engine import State


class TestRefuses:
    def test_unknown_type(self, deploy: Any) -> None:
        with pytest.raises(EngineError, match=r"aws:ec2/eip:Eip 'ip'.*does not know this type"):
            deploy(lambda: aws.ec2.Eip("ip") and None)

    def test_unknown_function(self, deploy: Any) -> None:
        with pytest.raises(Exception, match="getAvailabilityZones"):
            deploy(lambda: aws.get_availability_zones() and None)

    def test_input_that_the_engine_does_not_read(self, deploy: Any) -> None:
        def program() -> None:
            aws.sns.Topic("t", archive_policy="{}")

        with pytest.raises(EngineError, match=r"Topic 't'.*does not use archivePolicy"):
            deploy(program)

    def test_nested_input_that_the_engine_does_not_read(self, deploy: Any) -> None:
        def program() -> None:
            aws.s3.BucketLifecycleConfiguration(
                "b",
                bucket=aws.s3.Bucket("c").bucket,
                rules=[
                    {
                        "id": "x",
                        "status": "Enabled",
                        "transitions": [{"days": 1, "storage_class": "GLACIER"}],
                    }
                ],
            )

        with pytest.raises(EngineError, match=r"does not use rules\[0\]\.transitions"):
            deploy(program)

    def test_output_that_the_engine_does_not_set(self, deploy: Any) -> None:
        def program() -> None:
            bucket = aws.s3.Bucket("b")
            policy = pulumi.Output.json_dumps({"zone": bucket.hosted_zone_id})
            aws.sns.Topic("t", policy=policy)

        with pytest.raises(EngineError, match=r"aws:s3/bucket:Bucket\.hostedZoneId"):
            deploy(program)

    def test_none_where_a_value_is_expected(self, deploy: Any) -> None:
        def program() -> None:
            aws.sqs.QueuePolicy(
                "p", queue_url=aws.sqs.Queue("q").url, policy=pulumi.Output.from_input(None)
            )

        with pytest.raises(EngineError, match="QueuePolicy 'p': the input policy is missing"):
            deploy(program)

    def test_same_name_twice(self, deploy: Any) -> None:
        def program() -> None:
            aws.sqs.Queue("q")
            aws.sqs.Queue("q")

        with pytest.raises(EngineError, match="Queue 'q' is registered twice"):
            deploy(program)

    def test_same_thing_twice(self, deploy: Any) -> None:
        def program() -> None:
            url = aws.sqs.Queue("q").url
            aws.sqs.QueuePolicy("one", queue_url=url, policy="{}")
            aws.sqs.QueuePolicy("two", queue_url=url, policy="{}")

        with pytest.raises(EngineError, match="is created twice"):
            deploy(program)

    def test_missing_stack(self, deploy: Any) -> None:
        def program() -> None:
            pulumi.export("x", pulumi.StackReference("organization/p/none").get_output("y"))

        with pytest.raises(EngineError, match="there is no stack organization/p/none"):
            deploy(program)

    def test_account_that_is_not_allowed(self, emulator: Emulator, deploy: Any) -> None:
        iam = emulator.client("iam", OTHER_ACCOUNT, REGION)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=document)["Role"]
        roles = json.dumps([{"roleArn": role["Arn"]}])

        with pytest.raises(EngineError, match=rf"{OTHER_ACCOUNT}.*only {ACCOUNT}"):
            deploy(lambda: None, **{"aws:assumeRoles": roles})

    def test_role_that_may_not_be_assumed(self, deploy: Any) -> None:
        roles = json.dumps([{"roleArn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/nobody"}])

        with pytest.raises(EngineError, match=r"cannot assume .*role/nobody"):
            deploy(lambda: None, **{"aws:assumeRoles": roles})

    def test_denial_names_resource_and_permission(self, emulator: Emulator, deploy: Any) -> None:
        iam = emulator.client("iam", ACCOUNT, REGION)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="powerless", AssumeRolePolicyDocument=document)["Role"]
        roles = json.dumps([{"roleArn": role["Arn"]}])

        with pytest.raises(EngineError, match=r"Queue 'q'.*sqs:CreateQueue on resource: arn"):
            deploy(lambda: aws.sqs.Queue("q") and None, **{"aws:assumeRoles": roles})

    def test_update_that_is_not_implemented(self, deploy: Any) -> None:
        def program(*thumbprints: str) -> None:
            aws.iam.OpenIdConnectProvider(
                "o", url="https://a.example", client_id_lists=["a"], thumbprint_lists=[*thumbprints]
            )

        deploy(functools.partial(program, "0" * 40))

        with pytest.raises(EngineError, match=r"Provider 'o'.*cannot update thumbprintLists"):
            deploy(functools.partial(program, "1" * 40))

    def test_update_that_takes_an_input_away(self, deploy: Any) -> None:
        deploy(lambda: aws.sqs.Queue("q", delay_seconds=5) and None)

        with pytest.raises(EngineError, match=r"Queue 'q'.*cannot update delaySeconds"):
            deploy(lambda: aws.sqs.Queue("q") and None)

    def test_run_after_a_failed_one_works_and_finishes(self, deploy: Any, state: State) -> None:
        def broken() -> None:
            aws.sqs.Queue("q").url.apply(lambda _: aws.ec2.Eip("ip"))

        with pytest.raises(EngineError):
            deploy(broken)
        deploy(lambda: aws.sqs.Queue("q") and None)

        assert [r.name for r in state.resources(f"p/{deploy.name}")] == ["q"]
