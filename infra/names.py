"""The kit's names: its prefix, its stages, and the ARNs that its policies speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.limits import STAGE_NAME_CHARACTERS

PROJECT = "ecs-run-task"
PREFIX = f"{PROJECT}-"
BOOTSTRAP_SUFFIX = "-bootstrap"

# Roles of the function stacks live under a path of their own, so that the deploy role, which may
# manage every role there, cannot manage itself.
ROLE_PATH = f"/{PROJECT}/"

# What the deploy role knows its keys by, since a key has no name. The artifact key does not carry
# it: deploying a stage is no reason to change the key that all artifacts depend on.
KEY_TAGS = {"managed-by": f"{PREFIX}deploy"}

# The alias that the event source mapping calls.
ALIAS = "live"

_STAGE = re.compile(rf"[a-z](?:[a-z0-9-]{{0,{STAGE_NAME_CHARACTERS - 2}}}[a-z0-9])?")


def is_stage_name(name: str) -> bool:
    """Say whether `name` can be a stage: lower-case letters, digits and inner hyphens."""
    return _STAGE.fullmatch(name) is not None


def queue_name(stage: str, *, fifo: bool) -> str:
    """Return the name of a stage's work queue, by which senders find it."""
    return f"{PREFIX}{stage}.fifo" if fifo else f"{PREFIX}{stage}"


def function_name(stage: str) -> str:
    """Return the name of a stage's function, by which operators find it."""
    return f"{PREFIX}{stage}"


def log_group_name(stage: str) -> str:
    """Return the name of the log group of a stage's function."""
    return f"/aws/lambda/{function_name(stage)}"


def deploy_role_name(region: str) -> str:
    """Return the name of the deploy role; roles are global, so the region is part of it."""
    return f"{PREFIX}deploy-{region}"


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a stack lives: one account, in one region, of one partition."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a regional resource of this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """Return the ARN of an IAM resource of this account."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def cluster_arn(self, cluster: str) -> str:
        """Return the ARN of a cluster that is given by name, pattern or ARN."""
        return self._ecs_arn("cluster", cluster)

    def task_definition_arn(self, task_definition: str) -> str:
        """Return the ARN of a task definition; a bare family stands for all of its revisions."""
        arn = self._ecs_arn("task-definition", task_definition)
        family = arn.rpartition("/")[2]
        return arn if ":" in family else f"{arn}:*"

    def _ecs_arn(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else self.arn("ecs", f"{kind}/{name}")


def partition_of(region: str) -> str:
    """Return the partition that a region belongs to.

    https://docs.aws.amazon.com/general/latest/gr/aws-arns-and-namespaces.html
    """
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"
