"""What the in-process engine creates, and with which resource types."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws
import pytest

from rehearsal.engine import RESOURCE_TYPES, guaranteed_outputs
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, trust

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator
    from rehearsal.engine import State

INFRA: Final = Path(__file__).resolve().parents[2] / "infra"


class TestCreates:
    def test_queue_with_a_name_of_its_own_and_default_tags(
        self, emulator: Emulator, deploy: Any
    ) -> None:
        def program() -> None:
            queue = aws.sqs.Queue("work", visibility_timeout_seconds=60, tags={"a": "b"})
            for name in ("url", "arn", "name", "tags_all"):
                pulumi.export(name, getattr(queue, name))

        outputs = deploy(program)
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        found = sqs.get_queue_attributes(QueueUrl=outputs["url"], AttributeNames=["All"])

        assert outputs["name"].startswith("work-")
        assert len(outputs["name"]) == len("work-") + 7
        assert outputs["arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{outputs['name']}"
        assert found["Attributes"]["VisibilityTimeout"] == "60"
        assert sqs.list_queue_tags(QueueUrl=outputs["url"])["Tags"] == {
            "a": "b",
            "application": "test",
        }
        assert outputs["tags_all"] == {"a": "b", "application": "test"}

    def test_fifo_queue_ends_in_fifo(self, deploy: Any) -> None:
        def program() -> None:
            pulumi.export("name", aws.sqs.Queue("work", fifo_queue=True).name)

        assert deploy(program)["name"].endswith(".fifo")

    def test_components_and_secrets_pass_through(self, deploy: Any, state: State) -> None:
        def program() -> None:
            component = pulumi.ComponentResource("ecs-run-task:index:Thing", "thing")
            opts = pulumi.ResourceOptions(parent=component)
            topic = aws.sns.Topic("t", display_name=pulumi.Output.secret("hush"), opts=opts)
            pulumi.export("name", pulumi.Output.secret(topic.display_name))

        assert deploy(program)["name"] == "hush"
        (topic,) = state.resources(f"p/{deploy.name}")
        assert "ecs-run-task:index:Thing$aws:sns/topic:Topic" in topic.urn
        assert topic.inputs["displayName"] == "hush"

    def test_stack_reads_the_outputs_of_another(self, deploy: Any) -> None:
        deploy(lambda: pulumi.export("n", {"m": 1}), stack="first")

        def program() -> None:
            pulumi.export("got", pulumi.StackReference("organization/p/first").get_output("n"))

        assert deploy(program)["got"] == {"m": 1}

    def test_everything_around_a_queue(self, emulator: Emulator, deploy: Any) -> None:
        def program() -> None:
            key = aws.kms.Key("k", enable_key_rotation=True, deletion_window_in_days=7)
            aws.kms.Alias("a", name="alias/around", target_key_id=key.key_id)
            queue = aws.sqs.Queue("q", kms_master_key_id=key.arn)
            topic = aws.sns.Topic("t")
            aws.sns.TopicSubscription(
                "s",
                topic=topic.arn,
                protocol="sqs",
                endpoint=queue.arn,
                raw_message_delivery=True,
            )
            aws.cloudwatch.LogGroup("l", retention_in_days=30)
            role = aws.iam.Role(
                "role", assume_role_policy=json.dumps(trust("ecs-tasks")), path="/kit/"
            )
            aws.iam.Policy(
                "policy",
                policy='{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
                path="/kit/",
            )
            aws.iam.OpenIdConnectProvider(
                "oidc",
                url="https://token.actions.githubusercontent.com",
                client_id_lists=["sts.amazonaws.com"],
            )
            pulumi.export("role", role.arn)

        assert "/kit/role-" in deploy(program)["role"]
        assert emulator.client("kms", ACCOUNT, REGION).describe_key(KeyId="alias/around")


@pytest.mark.parametrize("token", RESOURCE_TYPES)
def test_every_resource_type_is_one_of_the_provider(token: str) -> None:
    assert guaranteed_outputs(token)


def used_classes() -> set[str]:
    """Return the resources of pulumi_aws that the Pulumi program uses, as `module.Class`."""
    used = set()
    for path in INFRA.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "pulumi_aws"
            for alias in node.names
        }
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if (
                    module in modules and not name.endswith("Args")
                ):
                    used.add(f"{module.rstrip('_')}.{name}")
    return used


def test_the_resource_types_are_exactly_those_of_the_program() -> None:
    known = {
        f"{token.split(':')[1].partition('/')[0]}.{token.rpartition(':')[2]}"
        for token in RESOURCE_TYPES
    }

    assert known == used_classes()
