"""The pre-existing resources of an account: cluster, instance, service, task definition, inbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.names import BOOTSTRAP_SUFFIX, PROJECT, Location
from runtask.promotion.pin import dumped, round_trip_yaml
from runtask.routes import locations_by_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.emulator import Emulator
    from runtask.project import Project

# The names that the messages in `examples` use.
CLUSTER: Final = "batch"
SERVICE: Final = "report-service"
FAMILY: Final = "report"
CONTAINER: Final = "report"
ROLES: Final = ("report-task", "report-execution")

# Those of the example with a network; the embedded AWS has none to check them against.
SUBNETS: Final = ("subnet-0a1b2c3d4e5f60718", "subnet-0f1e2d3c4b5a69788")
SECURITY_GROUP: Final = "sg-0123456789abcdef0"

_INBOX: Final = "operators-inbox"

_ECS_TRUST_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True, kw_only=True)
class SampleAccount:
    """An account with the resources that the sample messages name."""

    emulator: Emulator
    location: Location

    def create(self) -> None:
        """Create cluster, container instance, roles, task definition and service."""
        ecs = self.emulator.client("ecs", self.location.account, self.location.region)
        iam = self.emulator.client("iam", self.location.account, self.location.region)
        roles = _role_arns(self.location)
        for role in ROLES:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_ECS_TRUST_POLICY))
        ecs.create_cluster(clusterName=CLUSTER)
        # Only a cluster with an instance answers RunTask with failures.
        ecs.register_container_instance(cluster=CLUSTER)
        ecs.register_task_definition(
            family=FAMILY,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            taskRoleArn=roles[0],
            executionRoleArn=roles[1],
            containerDefinitions=[
                # A sidecar comes first, so that "the first container" would be the wrong one.
                {"name": "log-router", "image": "log-router", "essential": False},
                {"name": CONTAINER, "image": "report", "command": ["sh", "-c", "echo report"]},
            ],
        )
        ecs.create_service(
            cluster=CLUSTER,
            serviceName=SERVICE,
            taskDefinition=FAMILY,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(SUBNETS),
                    "securityGroups": [SECURITY_GROUP],
                }
            },
        )

    def subscribe_inbox(self, topic_arn: str) -> str:
        """Subscribe a new queue to a stage's failure topic, and return the queue's URL."""
        sqs = self.emulator.client("sqs", self.location.account, self.location.region)
        sns = self.emulator.client("sns", self.location.account, self.location.region)
        name = f"{_INBOX}-{topic_arn.rpartition(':')[2]}"
        inbox = self.location.arn("sqs", name)
        url: str = sqs.create_queue(
            QueueName=name, Attributes={"Policy": json.dumps(_delivery_policy(topic_arn, inbox))}
        )["QueueUrl"]
        sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=inbox,
            Attributes={"RawMessageDelivery": "true"},
        )
        return url


def _delivery_policy(topic_arn: str, queue_arn: str) -> dict[str, object]:
    """Return the queue policy that lets a topic deliver to a queue.

    https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


# What the samples need besides names: one has a payload, and what became of each is read from
# the results queue.
SAMPLE_OPTIONS: Final = {"payloads": "true", "results": "queue"}


def with_sample_account(
    config: dict[str, str], location: Location, options: Mapping[str, str] = SAMPLE_OPTIONS
) -> dict[str, str]:
    """Return a stage's configuration that takes the sample messages, which name the sample account.

    Args:
        config: The stage's configuration; the names in it stay.
        location: Account and region of the stage.
        options: Options by name that are set, whatever they are in the configuration.
    """
    names = {
        "clusters": [CLUSTER],
        "taskDefinitions": [FAMILY],
        "taskRoles": _role_arns(location)[:1],
        "executionRoles": _role_arns(location)[1:],
        # One of the messages has a network and tags of its own.
        "subnets": list(SUBNETS),
        "securityGroups": [SECURITY_GROUP],
        "tagKeys": ["team"],
    }
    # One of the messages is written as senders of the AWS Labs sample write it.
    added = {**options, "pythonLiterals": "true"}
    return with_names(config, names) | {f"{PROJECT}:{name}": text for name, text in added.items()}


def with_sample_limits(config: dict[str, str], location: Location) -> dict[str, str]:
    """Return a bootstrap stack's configuration that lets stages name the sample account.

    The rehearsal calls the embedded AWS as the account's root user, who may assume the roles.

    Args:
        config: The bootstrap stack's configuration; the names in it stay.
        location: Account and region of the stack.
    """
    names = {
        "boundaryClusters": [CLUSTER],
        "boundaryRoles": _role_arns(location),
        "deployPrincipals": [location.iam_arn("root")],
    }
    return with_names(config, names)


def with_samples(
    locations: Mapping[str, Location],
) -> Callable[[str, dict[str, str]], dict[str, str]]:
    """Return what adds the sample account to the configuration of each stack.

    Args:
        locations: Account and region of every stack.
    """

    def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
        bootstrap = stack.endswith(BOOTSTRAP_SUFFIX)
        add = with_sample_limits if bootstrap else with_sample_account
        return add(config, locations[stack])

    return adapt


def declared_value(project: Project, key: str, text: str) -> object:
    """Return a value of a stack's file for what the engine hands over as text.

    Args:
        project: Declares the type of each option.
        key: `namespace:key`.
        text: The text; of everything but a string it is JSON.
    """
    kind = project.declared.get(key.partition(":")[2], {}).get("type", "array")
    return text if kind == "string" else json.loads(text)


def with_samples_in_files(project: Project) -> None:
    """Add the sample account to the stack files of a copy of a project."""
    locations = locations_by_stack(project)
    adapt = with_samples(locations)
    for stack in locations:
        config, path = project.stack_config(stack), project.stack_file(stack)
        yaml = round_trip_yaml()
        content = yaml.load(path.read_text(encoding="utf-8"))
        for key, text in adapt(stack, config).items():
            if text != config.get(key):
                content["config"][key] = declared_value(project, key, text)
        path.write_text(dumped(yaml, content), encoding="utf-8")


def with_names(config: dict[str, str], names: Mapping[str, list[str]]) -> dict[str, str]:
    """Return a configuration with names added to its lists.

    Args:
        config: The configuration of a stack.
        names: What to add, by option.
    """
    return config | {
        f"{PROJECT}:{key}": json.dumps(_merged(config.get(f"{PROJECT}:{key}", "[]"), added))
        for key, added in names.items()
    }


def _role_arns(location: Location) -> list[str]:
    return [location.iam_arn(f"role/{role}") for role in ROLES]


def _merged(text: str, added: list[str]) -> list[str]:
    names = json.loads(text)
    return [*names, *(name for name in added if name not in names)]
