"""What `pulumi up` runs: the stack's name says which of the two kinds of stack it is."""

from __future__ import annotations

import pulumi

from infra.bootstrap import Bootstrap
from infra.config import read_bootstrap_config, read_function_config
from infra.names import BOOTSTRAP_SUFFIX, PREFIX
from infra.stage import Stage, stage_name


def main() -> None:
    """Make the current stack's resources and export what others need of them.

    Raises:
        ConfigError: before any resource is made, naming key, file and fix.
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
    bootstrap = pulumi.StackReference(
        f"{pulumi.get_organization()}/{pulumi.get_project()}/{config.bootstrap}"
    )
    for name, value in Stage(stage_name(stack), config, bootstrap).outputs().items():
        pulumi.export(name, value)
