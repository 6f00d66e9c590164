"""Makes a message file of what runs: a service, or a task definition."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.errors import RuntaskError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef

    from infra.config import FunctionConfig
    from runtask.account import AccountSession
    from runtask.project import Project

_SCHEMA: Final = "schemas/message.schema.json"

# The ARN of a service, with its cluster's name or, in the old form, without.
_SERVICE_ARN: Final = re.compile(r"arn:[^:]+:ecs:[^:]+:\d+:service/(?:([^/]+)/)?([^/]+)")

_WILDCARDS: Final = frozenset("*?")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A message to begin with.

    Attributes:
        message: The message.
        comments: What to know about it, one line each.
    """

    message: Mapping[str, Any]
    comments: tuple[str, ...] = field(default_factory=tuple)

    def as_yaml(self, schema: str) -> str:
        """Return the text of a file whose first line names the schema."""
        lines = [f"# yaml-language-server: $schema={schema}"]
        lines += [f"# {comment}" for comment in self.comments]
        lines += _lines(self.message, "")
        return "\n".join(lines) + "\n"


def schema_address(project: Project, folder: Path) -> str:
    """Return where the schema of a message is, as seen from a file's folder."""
    path = (project.checkout / _SCHEMA).resolve()
    return os.path.relpath(path, folder.resolve()).replace(os.sep, "/")


def from_configuration(config: FunctionConfig) -> Template:
    """Return a message of what the stage's file names, without asking AWS."""
    cluster = _first(config.clusters)
    family = _first(config.task_definitions)
    asked = {"cluster": cluster, "taskDefinition": family}
    missing = [name for name, value in asked.items() if not value]
    comments = ["Name the service whose network the task gets: `service: NAME`."]
    comments += [f"Fill in {name}: the stage's file has only patterns." for name in missing]
    overrides = {"containerOverrides": [{"command": ["echo", "hello"]}]}
    return Template(message={"ECS": {**asked, "overrides": overrides}}, comments=tuple(comments))


def from_running(source: str, account: AccountSession) -> Template:
    """Return a message of a service or a task definition that exists.

    Args:
        source: `cluster/service`, `family`, `family:revision`, or an ARN of either.
        account: A session in the stage's account.

    Raises:
        UsageError: if there is no such service or task definition.
        RuntaskError: if AWS rejects a request.
    """
    try:
        if found := _SERVICE_ARN.fullmatch(source):
            return _of_service(found[1] or "default", found[2], account)
        cluster, slash, service = source.partition("/")
        if slash and not source.startswith("arn:"):
            return _of_service(cluster, service, account)
        return _of_task_definition(source, account, {}, ())
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(f"--from {source}: {account.identity}: {error}") from None


def _of_service(cluster: str, service: str, account: AccountSession) -> Template:
    ecs = account.session.client("ecs")
    try:
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    except ecs.exceptions.ClusterNotFoundException:
        known = ", ".join(account.config.clusters)
        raise UsageError(
            f"--from {cluster}/{service}: there is no cluster {cluster} in {account}; the stage "
            f"allows {known}"
        ) from None
    if not found or found[0].get("status") == "INACTIVE":
        raise UsageError(
            f"--from {cluster}/{service}: there is no service {service} in cluster {cluster} of "
            f"{account}; to see them, run: aws ecs list-services --cluster {cluster}"
        )
    asked: dict[str, Any] = {"cluster": cluster, "service": service}
    strategy = found[0].get("capacityProviderStrategy")
    placed: dict[str, Any] = {}
    if strategy:
        placed["capacityProviderStrategy"] = [dict(item) for item in strategy]
    elif found[0].get("launchType"):
        placed["launchType"] = found[0]["launchType"]
    comments = (f"Made from service {service} in cluster {cluster}; its network is the task's.",)
    return _of_task_definition(found[0]["taskDefinition"], account, {**asked, **placed}, comments)


def _of_task_definition(
    name: str, account: AccountSession, asked: Mapping[str, Any], comments: tuple[str, ...]
) -> Template:
    ecs = account.session.client("ecs")
    try:
        found = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    except ecs.exceptions.ClientException as error:
        raise UsageError(
            f"--from {name}: {error}; expected CLUSTER/SERVICE or a task definition in {account}, "
            "as printed by: aws ecs list-task-definition-families --status ACTIVE"
        ) from None
    message = {"cluster": _first(account.config.clusters), **asked}
    message["taskDefinition"] = found["family"]
    if not asked:
        comments = (
            f"Made from task definition {found['family']}:{found['revision']}.",
            *(
                ("Name the service whose network the task gets: `service: NAME`.",)
                if found.get("networkMode") == "awsvpc"
                else ()
            ),
        )
    containers = [one for one in found["containerDefinitions"] if one.get("essential", True)]
    overrides = [_override(one) for one in containers[:1]]
    if overrides:
        message["overrides"] = {"containerOverrides": overrides}
    names = [
        item["name"]
        for one in containers[:1]
        for item in (*one.get("environment", ()), *one.get("secrets", ()))
    ]
    if names:
        # Their values can be secrets, and the task has them without the message.
        comments = (*comments, f"Set by the task definition already: {', '.join(names)}.")
    return Template(message={"ECS": message}, comments=comments)


def _override(container: ContainerDefinitionOutputTypeDef) -> dict[str, Any]:
    command = list(container.get("command", ()))
    return {"name": container["name"], "command": command or ["echo", "hello"]}


def _first(names: tuple[str, ...]) -> str:
    """Return the first name that is no pattern; empty if all are."""
    return next((name for name in names if not set(name) & _WILDCARDS), "")


def _lines(value: Any, indent: str) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the lines of an object as YAML; scalars and lists of them are as in JSON."""
    lines: list[str] = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{indent}{key}:", *_lines(item, f"{indent}  ")]
        elif isinstance(item, list) and any(isinstance(one, dict) for one in item):
            lines.append(f"{indent}{key}:")
            for one in item:
                first, *rest = _lines(one, f"{indent}    ")
                lines += [f"{indent}  - {first.strip()}", *rest]
        else:
            lines.append(f"{indent}{key}: {json.dumps(item, ensure_ascii=False)}")
    return lines
