"""Every parameter of RunTask: who sets it, which option allows it, and what enforces that.

The table is closed. A parameter that botocore knows and this table does not is refused until it
has been judged here: a test compares the two, and docs/parameters.md is generated from the table.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SetBy(StrEnum):
    """Who decides about a parameter."""

    # The handler. What a message says is refused or ignored.
    KIT = "the kit"
    # The sender, without a limit but those of ECS.
    SENDER = "the sender"
    # The sender, as far as an option of the stage allows it.
    OPTION = "the sender, within an option"
    # Nobody: no option allows it.
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of RunTask that has a value of its own.

    Attributes:
        path: Its location in the RunTask form; `[]` stands for any item of a list.
        set_by: Who decides about it.
        options: The options of a stage that allow it, for `SetBy.OPTION`.
        iam: What the policy of the function's role limits it by, too: a condition key of
            ecs:RunTask, `Resource` of it, or iam:PassRole. Empty if IAM does not see it.
        note: What an operator or a sender has to know about it.
    """

    path: str
    set_by: SetBy
    options: tuple[str, ...] = ()
    iam: str = ""
    note: str = ""

    @property
    def enforced_by(self) -> str:
        """What refuses a message that asks for more; empty if nothing has to."""
        if self.set_by is SetBy.SENDER:
            return ""
        return f"handler, IAM ({self.iam})" if self.iam else "handler"


def _kit(path: str, note: str) -> Parameter:
    return Parameter(path=path, set_by=SetBy.KIT, note=note)


def _sender(path: str, note: str = "") -> Parameter:
    return Parameter(path=path, set_by=SetBy.SENDER, note=note)


def _option(path: str, *options: str, iam: str = "", note: str = "") -> Parameter:
    return Parameter(path=path, set_by=SetBy.OPTION, options=options, iam=iam, note=note)


def _nobody(path: str, note: str) -> Parameter:
    return Parameter(path=path, set_by=SetBy.NOBODY, note=note)


_AWSVPC: Final = "networkConfiguration.awsvpcConfiguration"
_CONTAINER: Final = "overrides.containerOverrides[]"
_GPU_SHARING: Final = f"{_CONTAINER}.resourceRequirements[].sharingStrategy.nvidiaMps"
_VOLUME: Final = "volumeConfigurations[].managedEBSVolume"

# Condition keys of ecs:RunTask. There is none for the network, the launch type, the size of a task
# or its count.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
CLUSTER_KEY: Final = "ecs:cluster"
CAPACITY_PROVIDER_KEY: Final = "ecs:capacity-provider"
EXECUTE_COMMAND_KEY: Final = "ecs:enable-execute-command"
EBS_VOLUMES_KEY: Final = "ecs:enable-ebs-volumes"
TAG_KEYS_KEY: Final = "aws:TagKeys"

# What else of the policy limits a parameter.
RESOURCE: Final = "Resource"
PASS_ROLE: Final = "iam:PassRole"  # noqa: S105 - the name of an action

PARAMETERS: Final[tuple[Parameter, ...]] = (
    _option("cluster", "clusters", iam=CLUSTER_KEY),
    _option(
        "taskDefinition",
        "taskDefinitions",
        "taskDefinitionRevisions",
        iam=RESOURCE,
        note="IAM limits the task definition; only the handler limits the revision.",
    ),
    _option("count", "maxCount", note="`maxTasksPerDay` limits the tasks of the stage, too."),
    _kit("clientToken", "Made of the idempotency key; refused in a message."),
    _kit("startedBy", "`ecs-run-task/<stage>/<key>`; ignored in a message."),
    # Where a task runs.
    _option("launchType", "launchTypes"),
    _option(
        "capacityProviderStrategy[].capacityProvider",
        "capacityProviders",
        iam=CAPACITY_PROVIDER_KEY,
        note="Those of a service have to be listed as well: IAM does not see where they come from.",
    ),
    _sender("capacityProviderStrategy[].weight"),
    _sender("capacityProviderStrategy[].base"),
    _sender("platformVersion", "`LATEST` or a version such as `1.4.0`."),
    _sender("group"),
    _sender("placementConstraints[].type"),
    _sender("placementConstraints[].expression"),
    _sender("placementStrategy[].type"),
    _sender("placementStrategy[].field"),
    # The network.
    _option(f"{_AWSVPC}.subnets[]", "subnets", note="Without it, those of the service."),
    _option(f"{_AWSVPC}.securityGroups[]", "securityGroups", note="The same."),
    _option(f"{_AWSVPC}.assignPublicIp", "publicIp", note="`DISABLED` is always allowed."),
    # Roles and access.
    _option("overrides.taskRoleArn", "taskRoles", iam=PASS_ROLE),
    _option("overrides.executionRoleArn", "executionRoles", iam=PASS_ROLE),
    _option(
        "enableExecuteCommand",
        "executeCommand",
        iam=EXECUTE_COMMAND_KEY,
        note="`false` is always allowed.",
    ),
    # What a task does.
    _sender(f"{_CONTAINER}.name"),
    _sender(f"{_CONTAINER}.command[]"),
    _sender(f"{_CONTAINER}.environment[].name"),
    _sender(f"{_CONTAINER}.environment[].value"),
    _option(
        f"{_CONTAINER}.environmentFiles[].value",
        "environmentFiles",
        note="ECS reads the file with the execution role.",
    ),
    _sender(f"{_CONTAINER}.environmentFiles[].type"),
    # Its size.
    _option("overrides.cpu", "maxTaskCpuUnits"),
    _option("overrides.memory", "maxTaskMemoryMebibytes"),
    _option(f"{_CONTAINER}.cpu", "maxTaskCpuUnits", note="The sum of the containers counts, too."),
    _option(f"{_CONTAINER}.memory", "maxTaskMemoryMebibytes", note="The same."),
    _option(f"{_CONTAINER}.memoryReservation", "maxTaskMemoryMebibytes", note="The same."),
    _sender(
        f"{_CONTAINER}.resourceRequirements[].type",
        "GPUs need a launch type or capacity provider with container instances.",
    ),
    _sender(f"{_CONTAINER}.resourceRequirements[].value"),
    _nobody(f"{_GPU_SHARING}.maxComputePercent", "The task definition says how a GPU is shared."),
    _nobody(f"{_GPU_SHARING}.memory", "The same."),
    _option("overrides.ephemeralStorage.sizeInGiB", "maxEphemeralStorageGibibytes"),
    _nobody(
        "overrides.inferenceAcceleratorOverrides[].deviceName",
        "Amazon Elastic Inference has ended.",
    ),
    _nobody("overrides.inferenceAcceleratorOverrides[].deviceType", "The same."),
    # Volumes.
    _option("volumeConfigurations[].name", "ebsVolumes", iam=EBS_VOLUMES_KEY),
    _option(f"{_VOLUME}.roleArn", "volumeRoles", iam=PASS_ROLE),
    _option(f"{_VOLUME}.sizeInGiB", "maxEbsVolumeGibibytes", iam=EBS_VOLUMES_KEY),
    _option(f"{_VOLUME}.snapshotId", "ebsSnapshots", iam=EBS_VOLUMES_KEY),
    *(
        _option(f"{_VOLUME}.{name}", "ebsVolumes", iam=EBS_VOLUMES_KEY)
        for name in (
            "encrypted",
            "kmsKeyId",
            "volumeType",
            "volumeInitializationRate",
            "iops",
            "throughput",
            "filesystemType",
            "tagSpecifications[].resourceType",
            "tagSpecifications[].propagateTags",
        )
    ),
    _option(f"{_VOLUME}.tagSpecifications[].tags[].key", "tagKeys"),
    _option(f"{_VOLUME}.tagSpecifications[].tags[].value", "tagKeys"),
    _nobody(
        f"{_VOLUME}.terminationPolicy.deleteOnTermination",
        "`true`, or absent: a volume that outlives its task is paid for until somebody finds it.",
    ),
    # Tags and names.
    _option("tags[].key", "tagKeys", iam=TAG_KEYS_KEY),
    _option("tags[].value", "tagKeys", iam=TAG_KEYS_KEY),
    _sender("propagateTags", "RunTask knows `TASK_DEFINITION` and `NONE`."),
    _sender("enableECSManagedTags"),
    _sender("referenceId"),
)
