"""The program that `pulumi up` runs; the stack's name decides which kind of stack it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.account_limits import check_account_limits
from infra.bootstrap import Bootstrap
from infra.bootstrap_config import read_bootstrap_config
from infra.config import read_function_config
from infra.names import BOOTSTRAP_SUFFIX, PREFIX, stage_name
from infra.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi import Input


def main() -> None:
    """Register the current stack's resources and export its outputs.

    Raises:
        ConfigError: if the configuration is invalid; no resource is registered then.
    """
    stack = pulumi.get_stack()
    if stack.endswith(BOOTSTRAP_SUFFIX):
        _bootstrap(stack)
    else:
        _stage(stack)


def _bootstrap(stack: str) -> None:
    config = read_bootstrap_config(stack, pulumi.runtime.get_config)
    for name, value in Bootstrap(f"{PREFIX}{stack}", config).outputs().items():
        pulumi.export(name, value)


def _stage(stack: str) -> None:
    config = read_function_config(stack, pulumi.runtime.get_config)

    async def deploy() -> Mapping[str, Input[str]]:
        bootstrap = pulumi.StackReference(
            f"{pulumi.get_organization()}/{pulumi.get_project()}/{config.bootstrap}"
        )
        await check_account_limits(config, bootstrap)
        return Stage(stage_name(stack), config, bootstrap).outputs()

    # Asynchronous, because the outputs of another stack are known only later.
    pulumi.run(deploy)
