"""The kit's names: its prefix, its stages, and the ARNs that its policies refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from function.limits import STAGE_PATTERN
from infra.artifact_keys import ARTIFACTS, BUILDS, PROMOTIONS
from infra.partitions import PARTITIONS

PROJECT: Final = "ecs-run-task"
PREFIX: Final = f"{PROJECT}-"
BOOTSTRAP_SUFFIX: Final = "-bootstrap"

# Roles of the function stacks have a path of their own. The deploy role may manage every role under
# that path, and so cannot manage itself.
ROLE_PATH: Final = f"/{PROJECT}/"

# A KMS key has no name, so a stage's key carries this tag for those who list an account's keys. The
# deploy role creates no key without it. No right depends on it.
KMS_KEY_TAGS: Final = {"managed-by": f"{PREFIX}deploy"}

# Stages that would share a name, such as that of a KMS alias, with the bootstrap stack's resources.
RESERVED_STAGES: Final = ("artifacts", "boundary", "deploy", "github", "read")

# The queues for the events and results of a stage, by what follows its name. A stage with such a
# name would have one of them for its work queue.
EVENTS: Final = "events"
RESULTS: Final = "results"
RESERVED_ENDINGS: Final = (f"-{EVENTS}", f"-{RESULTS}")

# The DNS suffix of the partition `aws`. Names of service principals, such as `sqs.amazonaws.com`,
# end in it in every one of PARTITIONS.
_COMMON_SUFFIX: Final = PARTITIONS["aws"].dns_suffix

# Folders of the artifact bucket that other accounts read, and in which no object is ever replaced.
PROMOTED_FROM: Final = (ARTIFACTS, BUILDS)
WRITTEN_ONCE: Final = (ARTIFACTS, PROMOTIONS)

# The alias that the event source mapping invokes.
ALIAS: Final = "live"


def is_stage_name(name: str) -> bool:
    """Return whether `name` can be a stage: lower-case letters, digits and inner hyphens."""
    return re.fullmatch(STAGE_PATTERN, name) is not None


def stage_name(stage: str) -> str:
    """Return the prefix of the names of a stage's resources."""
    return f"{PREFIX}{stage}"


def queue_name(stage: str, *, fifo: bool) -> str:
    """Return the name of a stage's work queue, by which senders find it."""
    return f"{stage_name(stage)}.fifo" if fifo else stage_name(stage)


def function_name(stage: str) -> str:
    """Return the name of a stage's function, by which operators find it."""
    return stage_name(stage)


def log_group_name(stage: str) -> str:
    """Return the name of the log group of a stage's function."""
    return f"/aws/lambda/{function_name(stage)}"


def ledger_table_name(stage: str) -> str:
    """Return the name of the table that remembers what a stage started."""
    return f"{stage_name(stage)}-ledger"


def events_queue_name(stage: str) -> str:
    """Return the name of the queue for what becomes of a stage's tasks."""
    return f"{stage_name(stage)}-{EVENTS}"


def results_name(stage: str) -> str:
    """Return the name of a stage's results queue, or of its results bus."""
    return f"{stage_name(stage)}-{RESULTS}"


def payload_bucket_name(stage: str) -> str:
    """Return the prefix of the name of a stage's payload bucket."""
    return f"{stage_name(stage)}-payloads"


def payload_buckets(location: Location) -> str:
    """Return the ARN pattern of the payload buckets of all stages."""
    return f"arn:{location.partition}:s3:::{payload_bucket_name('*')}-*"


def rule_name(stage: str, what: str) -> str:
    """Return the name of a rule of EventBridge that sends to a stage's events queue."""
    return f"{stage_name(stage)}-{what}"


def artifact_store_name() -> str:
    """Return the prefix of the names of an account's artifact store."""
    return f"{PREFIX}artifacts"


def access_log_name() -> str:
    """Return the prefix of the names of the bucket with the log of accesses to the artifacts."""
    return f"{PREFIX}access-log"


def deploy_role_name(region: str) -> str:
    """Return the name of the deploy role; roles are global, so the region is part of it."""
    return f"{PREFIX}deploy-{region}"


def read_role_name(region: str) -> str:
    """Return the name of the read role."""
    return f"{PREFIX}read-{region}"


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a stack is deployed.

    Attributes:
        account: The account's id, twelve digits.
        region: The region, such as `eu-central-1`.
        partition: The partition of the region, such as `aws`.
    """

    account: str
    region: str
    partition: str = "aws"

    @property
    def dns_suffix(self) -> str:
        """What the names of the region's hosts end in."""
        return PARTITIONS[self.partition].dns_suffix

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a regional resource of this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """Return the ARN of an IAM resource of this account."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    @property
    def deploy_role_arn(self) -> str:
        """The ARN of the account's deploy role in this region."""
        return self.iam_arn(f"role/{deploy_role_name(self.region)}")

    @property
    def read_role_arn(self) -> str:
        """The ARN of the account's read role in this region."""
        return self.iam_arn(f"role/{read_role_name(self.region)}")

    def via_services(self, *services: str) -> list[str]:
        """Return values of the condition key `kms:ViaService`.

        Both suffixes are named where they differ: AWS documents that of the partition `aws` only.
        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

        Args:
            services: Names of services, such as `sqs`.
        """
        suffixes = sorted({_COMMON_SUFFIX, self.dns_suffix})
        return [f"{service}.{self.region}.{suffix}" for service in services for suffix in suffixes]

    def cluster_arn(self, cluster: str) -> str:
        """Return the ARN of a cluster that is given by name, pattern or ARN."""
        return self._ecs_arn("cluster", cluster)

    def task_definition_arn(self, task_definition: str) -> str:
        """Return the ARN of a task definition; a bare family means all of its revisions."""
        arn = self._ecs_arn("task-definition", task_definition)
        family = arn.rpartition("/")[2]
        return arn if ":" in family else f"{arn}:*"

    def _ecs_arn(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else self.arn("ecs", f"{kind}/{name}")
