"""Compares a stage with the limits that its account's administrator has set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.boundary import outside
from infra.config_reader import ConfigError
from infra.names import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pulumi

    from infra.config import FunctionConfig


async def check_account_limits(config: FunctionConfig, bootstrap: pulumi.StackReference) -> None:
    """Compare a stage with the limits that its account's bootstrap stack exports.

    Raises:
        ConfigError: if the stage goes beyond them, or the bootstrap stack is older than this code.
    """
    details = {
        limit: await bootstrap.get_output_details(limit)
        for limit in (
            *("boundaryRoles", "boundaryClusters", "allowNotifyEmails", "readRoleArn"),
            "outcomes",
        )
    }
    outputs = {
        limit: found.secret_value if found.value is None else found.value
        for limit, found in details.items()
    }
    if problems := list(limit_problems(config, outputs)):
        raise ConfigError(config.stage, problems)


def limit_problems(config: FunctionConfig, outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a stage goes beyond its account's limits, with the fix.

    Args:
        config: The stage's configuration.
        outputs: The limits by the names of the bootstrap stack's outputs; None if it has none.
    """
    # The key of a stage names the role, and KMS refuses the name of a role that does not exist.
    if outputs["readRoleArn"] is None:
        yield (
            f"the bootstrap stack {config.bootstrap} has no output readRoleArn; "
            f"{_as_administrator(config)}pulumi up -s {config.bootstrap}"
        )
    # An older boundary would take the function's new rights away without a word.
    if (config.outcomes or config.payloads) and outputs["outcomes"] is None:
        yield (
            f"the bootstrap stack {config.bootstrap} has no output outcomes, so its roles know "
            f"nothing of the options outcomes and payloads; {_as_administrator(config)}"
            f"pulumi up -s {config.bootstrap}"
        )
    if config.notify_emails and not outputs["allowNotifyEmails"]:
        yield (
            f"{PROJECT}:notifyEmails: found {', '.join(config.notify_emails)}; "
            f"{PROJECT}:allowNotifyEmails of Pulumi.{config.bootstrap}.yaml is false, because "
            "removing a subscriber takes a right to every SNS subscription of the account; remove "
            f"the addresses and subscribe them yourself, or {_as_administrator(config)}"
            f"pulumi config set {PROJECT}:allowNotifyEmails true -s {config.bootstrap} && "
            f"pulumi up -s {config.bootstrap}"
        )
    checked = (
        *((option, roles, roles, "boundaryRoles") for option, roles in config.roles.items()),
        ("clusters", config.clusters, config.cluster_arns, "boundaryClusters"),
    )
    for option, values, arns, limit in checked:
        if not values:
            continue
        allowed: Sequence[str] | None = outputs[limit]
        if allowed is None:
            yield (
                f"{PROJECT}:{option}: the bootstrap stack {config.bootstrap} has no output "
                f"{limit}; {_as_administrator(config)}pulumi up -s {config.bootstrap}"
            )
            continue
        for position, (value, arn) in enumerate(zip(values, arns, strict=True)):
            if outside([arn], allowed):
                key = f"{PROJECT}:{limit}[{len(allowed)}]"
                yield (
                    f"{PROJECT}:{option}[{position}]: found {value!r}; {PROJECT}:{limit} of "
                    f"Pulumi.{config.bootstrap}.yaml allows {', '.join(allowed)}; remove it, or "
                    f"{_as_administrator(config)}"
                    f"pulumi config set --path '{key}' '{value}' -s {config.bootstrap} && "
                    f"pulumi up -s {config.bootstrap}"
                )


def _as_administrator(config: FunctionConfig) -> str:
    """Return the beginning of a fix by the administrator of the stage's account."""
    return f"as administrator of account {config.location.account} run: "
