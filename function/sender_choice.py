"""What a sender may choose, as the operator of a stage decides it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SenderChoice:
    """What a message may ask for, besides the clusters and task definitions that it may name.

    Attributes:
        task_definition_revisions: `latest`, or `any` if a message may name a revision that its
            pattern leaves open.
        task_roles: ARN patterns of the task roles that an override may name.
        execution_roles: The same for execution roles.
        volume_roles: The same for the roles that manage EBS volumes.
        subnets: Patterns of the subnets that a message may name.
        security_groups: The same for security groups.
        public_ip: Whether a message may ask for a public IP address.
        execute_command: Whether a message may ask for ECS Exec.
        ebs_volumes: Whether a message may configure EBS volumes.
        ebs_snapshots: Patterns of the snapshots that such a volume may be made of.
        max_ebs_volume_gibibytes: The largest such volume.
        launch_types: Patterns of the launch types that a message may name.
        capacity_providers: The same for capacity providers.
        max_task_cpu_units: The most CPU that overrides may ask for, for a task.
        max_task_memory_mebibytes: The most memory.
        max_ephemeral_storage_gibibytes: The most ephemeral storage.
        max_count: Tasks that one message may ask for.
        max_tasks_per_day: Tasks that the stage starts in a day of UTC; 0 for no limit.
        tag_keys: Patterns of the keys of the tags that a message may set.
        environment_files: ARN patterns of the environment files that a message may name.
    """

    task_definition_revisions: str
    task_roles: tuple[str, ...]
    execution_roles: tuple[str, ...]
    volume_roles: tuple[str, ...]
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool
    execute_command: bool
    ebs_volumes: bool
    ebs_snapshots: tuple[str, ...]
    max_ebs_volume_gibibytes: int
    launch_types: tuple[str, ...]
    capacity_providers: tuple[str, ...]
    max_task_cpu_units: int
    max_task_memory_mebibytes: int
    max_ephemeral_storage_gibibytes: int
    max_count: int
    max_tasks_per_day: int
    tag_keys: tuple[str, ...]
    environment_files: tuple[str, ...]
