"""What a sender may choose: the options of a stage about the parameters of RunTask."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from function.limits import TASK_DEFINITION_REVISIONS
from function.sender_choice import SenderChoice
from infra import limits
from infra.config_reader import EXPECTED_ROLE_ARN, ROLE_ARN

if TYPE_CHECKING:
    from infra.config_reader import Reader

_SUBNET: Final = re.compile(r"subnet-[0-9a-f]{8,17}|\*")
_SECURITY_GROUP: Final = re.compile(r"sg-[0-9a-f]{8,17}|\*")
_SNAPSHOT: Final = re.compile(r"snap-[0-9a-f]{8,17}|\*")
_CAPACITY_PROVIDER: Final = re.compile(r"[A-Za-z0-9_*?-]{1,255}")
_OBJECT_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::[^\s/]+/\S+")
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
_TAG_KEY: Final = re.compile(r"(?!aws:)[\w .:/=+@*?-]{1,128}")

# The launch types of RunTask.
LAUNCH_TYPES: Final = ("EC2", "EXTERNAL", "FARGATE", "MANAGED_INSTANCES")

# An option that others have replaced.
REPLACED: Final = {"passRoles": "taskRoles, executionRoles and volumeRoles"}


def choice_of(config: SenderChoice) -> dict[str, Any]:
    """Return the options about what a sender may choose, by their names."""
    return {field.name: getattr(config, field.name) for field in fields(SenderChoice)}


def option_name(attribute: str) -> str:
    """Return the name of an option in a stage's file."""
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)


def sender_options(reader: Reader) -> SenderChoice:
    """Read what a sender may choose; the reader collects the problems."""
    for option, new in REPLACED.items():
        reader.replaced(option, new)
    role = (ROLE_ARN.fullmatch, EXPECTED_ROLE_ARN)
    return SenderChoice(
        task_definition_revisions=reader.text(
            "taskDefinitionRevisions",
            TASK_DEFINITION_REVISIONS.__contains__,
            f"one of {', '.join(TASK_DEFINITION_REVISIONS)}",
            fix=f"expected one of {', '.join(TASK_DEFINITION_REVISIONS)}",
        ),
        task_roles=reader.strings("taskRoles", *role),
        execution_roles=reader.strings("executionRoles", *role),
        volume_roles=reader.strings("volumeRoles", *role),
        subnets=reader.strings("subnets", _SUBNET.fullmatch, "the id of a subnet, or * for any"),
        security_groups=reader.strings(
            "securityGroups", _SECURITY_GROUP.fullmatch, "the id of a security group, or * for any"
        ),
        public_ip=reader.boolean("publicIp"),
        execute_command=reader.boolean("executeCommand"),
        ebs_volumes=reader.boolean("ebsVolumes"),
        ebs_snapshots=reader.strings(
            "ebsSnapshots", _SNAPSHOT.fullmatch, "the id of a snapshot, or * for any"
        ),
        max_ebs_volume_gibibytes=reader.integer(
            "maxEbsVolumeGibibytes", limits.EBS_VOLUME_GIBIBYTES, "GiB"
        ),
        launch_types=reader.strings(
            "launchTypes", LAUNCH_TYPES.__contains__, f"one of {', '.join(LAUNCH_TYPES)}"
        ),
        capacity_providers=reader.strings(
            "capacityProviders",
            _CAPACITY_PROVIDER.fullmatch,
            "a name or pattern of a capacity provider",
        ),
        max_task_cpu_units=reader.integer(
            "maxTaskCpuUnits", limits.TASK_CPU_UNITS, "CPU units, 1024 for each vCPU"
        ),
        max_task_memory_mebibytes=reader.integer(
            "maxTaskMemoryMebibytes", limits.TASK_MEMORY_MEBIBYTES, "MiB"
        ),
        max_ephemeral_storage_gibibytes=reader.integer(
            "maxEphemeralStorageGibibytes", limits.EPHEMERAL_STORAGE_GIBIBYTES, "GiB"
        ),
        max_count=reader.integer("maxCount", limits.COUNT, "tasks"),
        max_tasks_per_day=reader.integer("maxTasksPerDay", limits.TASKS_PER_DAY, "tasks"),
        tag_keys=reader.strings(
            "tagKeys", _TAG_KEY.fullmatch, "a key or pattern of a tag, without the prefix aws:"
        ),
        environment_files=reader.strings(
            "environmentFiles", _OBJECT_ARN.fullmatch, "an ARN or pattern of an object in S3"
        ),
    )
