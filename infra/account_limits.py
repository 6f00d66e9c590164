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
        ConfigError: if the stage names a role or cluster outside of them.
    """
    details = {
        limit: await bootstrap.get_output_details(limit)
        for limit in ("boundaryRoles", "boundaryClusters")
    }
    outputs = {limit: found.value or found.secret_value for limit, found in details.items()}
    if problems := list(limit_problems(config, outputs)):
        raise ConfigError(config.stage, problems)


def limit_problems(config: FunctionConfig, outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a stage names outside of its account's limits, with the fix.

    Args:
        config: The stage's configuration.
        outputs: The limits by the names of the bootstrap stack's outputs; None if it has none.
    """
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
                f"{limit}; as administrator of account {config.location.account} run: "
                f"pulumi up -s {config.bootstrap}"
            )
            continue
        for position, (value, arn) in enumerate(zip(values, arns, strict=True)):
            if outside([arn], allowed):
                key = f"{PROJECT}:{limit}[{len(allowed)}]"
                yield (
                    f"{PROJECT}:{option}[{position}]: found {value!r}; {PROJECT}:{limit} of "
                    f"Pulumi.{config.bootstrap}.yaml allows {', '.join(allowed)}; remove it, or as "
                    f"administrator of account {config.location.account} run: "
                    f"pulumi config set --path '{key}' '{value}' -s {config.bootstrap} && "
                    f"pulumi up -s {config.bootstrap}"
                )
