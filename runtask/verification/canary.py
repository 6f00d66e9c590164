"""The canary: a message of the operator's choice, the call that it becomes, and what it costs."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask import sending
from runtask.errors import UsageError
from runtask.messages import Message, new_key, read_messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_ecs.type_defs import TaskDefinitionTypeDef

    from infra.config import FunctionConfig
    from runtask.account import AccountSession, Sessions

# Keys of this command begin with it, so that its tasks and messages can be told from others.
KEY_PREFIX: Final = "verify-"

# List prices of Fargate, Linux on x86, us-east-1, of a vCPU and of a GB for an hour. A task is paid
# for by the second, and for at least a minute. https://aws.amazon.com/fargate/pricing/
FARGATE_VCPU_HOUR_USD: Final = 0.04048
FARGATE_GB_HOUR_USD: Final = 0.004445
PRICE_DATE: Final = "November 2026"

_CPU_UNITS_PER_VCPU: Final = 1024
_MEBIBYTES_PER_GB: Final = 1024
_MINUTES_PER_HOUR: Final = 60


@dataclass(frozen=True, kw_only=True)
class Canary:
    """What is to be launched.

    Attributes:
        message: The message, with the key that both copies carry.
        call: The RunTask call that the handler makes of it.
        definition: The task definition; empty if the operator may not describe it.
    """

    message: Message
    call: Mapping[str, Any]
    definition: TaskDefinitionTypeDef

    @property
    def cluster(self) -> str:
        """The cluster as the message names it."""
        return str(self.call.get("cluster", "default"))

    @property
    def started_by(self) -> str:
        """The `startedBy` of the canary's tasks."""
        return str(self.call["startedBy"])

    @property
    def containers(self) -> frozenset[str]:
        """The containers whose exit codes count: those that the message overrides, or essential."""
        overrides = self.call.get("overrides", {}).get("containerOverrides", [])
        named = frozenset(one["name"] for one in overrides if one.get("command"))
        essential = (
            one["name"]
            for one in self.definition.get("containerDefinitions", [])
            if one.get("essential", True)
        )
        return named or frozenset(essential)

    @property
    def cost(self) -> str:
        """What a minute of the task costs, for the question before it is started."""
        strategy = self.call.get("capacityProviderStrategy", [])
        names = [str(self.call.get("launchType", ""))] + [
            one["capacityProvider"] for one in strategy
        ]
        if not any(name.startswith("FARGATE") for name in names):
            return "it runs on the cluster's own capacity, which is paid for anyway"
        overrides = self.call.get("overrides", {})
        cpu = overrides.get("cpu") or self.definition.get("cpu")
        memory = overrides.get("memory") or self.definition.get("memory")
        if not (cpu and memory and str(cpu).isdigit() and str(memory).isdigit()):
            return "its size is not known, so neither is its price"
        vcpus, gigabytes = int(cpu) / _CPU_UNITS_PER_VCPU, int(memory) / _MEBIBYTES_PER_GB
        usd = (vcpus * FARGATE_VCPU_HOUR_USD + gigabytes * FARGATE_GB_HOUR_USD) / _MINUTES_PER_HOUR
        return (
            f"{vcpus:g} vCPU and {gigabytes:g} GB on Fargate, about {usd:.4f} USD a minute, at "
            f"least one minute (list price of us-east-1, {PRICE_DATE})"
        )


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The two copies of the canary that were sent, with one key.

    Attributes:
        message_ids: What SQS calls the first and the second copy.
        time: When the first was sent, in seconds since 1970.
        monotonic: The same on the clock's monotonic time.
    """

    message_ids: tuple[str, str]
    time: float
    monotonic: float


def canary_key() -> str:
    """Return an idempotency key that no other message has."""
    return KEY_PREFIX + new_key()


def message_from_file(path: str) -> Message:
    """Return the message in a file as the canary, with a key of its own.

    Raises:
        UsageError: if the file cannot be read, or holds more or less than one message.
    """
    messages = read_messages([path], None)
    if len(messages) != 1:
        raise UsageError(f"--message {path}: found {len(messages)} messages; expected one")
    return replace(messages[0], key=canary_key())


def message_from_options(
    *, task_definition: str, cluster: str, service: str, container: str, command: str
) -> Message:
    """Return the message for a Fargate task that the command line names.

    Args:
        task_definition: Family, `family:revision` or ARN.
        cluster: Name or ARN.
        service: The service whose network the task gets.
        container: The container that gets the command; empty for the only essential one.
        command: Words as in a shell; empty for the container's own command.

    Raises:
        UsageError: if the command has an open quote, or is missing for the container.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--command {command}: {error}; expected words as in a shell") from None
    if container and not words:
        raise UsageError(f"--container {container} is for --command; pass both")
    parameters: dict[str, Any] = {
        "cluster": cluster,
        "service": service,
        "taskDefinition": task_definition,
        "launchType": "FARGATE",
    }
    if words:
        override = {"command": words} | ({"name": container} if container else {})
        parameters["overrides"] = {"containerOverrides": [override]}
    return Message(
        source="--task-definition", body=json.dumps({"ECS": parameters}), key=canary_key()
    )


def plan_canary(
    message: Message, config: FunctionConfig, sessions: Sessions, operator: AccountSession
) -> Canary:
    """Return the canary, completed as the handler completes it. Nothing is sent.

    Raises:
        UsageError: if the handler would reject the message, or it asks for several tasks.
        AccountError: if the credentials are missing, invalid or of another account.
    """
    calls = sending.preview([message], config, sessions)
    if len(calls) != 1 or calls[0].get("count", 1) != 1:
        raise UsageError(f"{message.source}: it asks for several tasks; expected one")
    return Canary(
        message=message,
        call=calls[0],
        definition=_describe(str(calls[0]["taskDefinition"]), operator),
    )


def container_exit_codes(
    task: Mapping[str, Any], containers: Sequence[str] | frozenset[str]
) -> dict[str, int | None]:
    """Return the exit codes of a stopped task's containers; all of them if none is named."""
    return {
        str(one.get("name", "")): one.get("exitCode")
        for one in task.get("containers", [])
        if not containers or one.get("name") in containers
    }


def _describe(task_definition: str, operator: AccountSession) -> TaskDefinitionTypeDef:
    """Return a task definition; empty if the operator may not describe it."""
    ecs = operator.session.client("ecs")
    try:
        return ecs.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
    except (ClientError, BotoCoreError):
        return {}
