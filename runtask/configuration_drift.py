"""Whether a stage's function was deployed with the configuration that is in the stage's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from function.limits import SENDER_DEFAULTS
from infra.environment import function_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig

# Names of resources, which no option sets.
_RESOURCES: Final = ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "FAILURE_TOPIC_ARN", "LEDGER_TABLE")


def stale_variables(config: FunctionConfig, found: Mapping[str, str]) -> list[str]:
    """Return the environment variables that a deployment would change.

    Args:
        config: The stage's configuration.
        found: The environment of the function that runs.
    """
    expected = function_environment(
        config, queue_url="", dead_letter_queue_url="", failure_topic_arn="", ledger_table=""
    )
    compared = {*expected, *(SENDER_DEFAULTS.keys() & found.keys())} - {*_RESOURCES}
    return sorted(name for name in compared if found.get(name) != expected.get(name))
