"""Outputs that the provider guarantees and the engine does not set: using one is an error.

Pulumi's mocks turn an output that is left out silently into None. Here it becomes a text that
names it, and an input or a stack output that contains such a text is refused.
"""

from __future__ import annotations

import functools
import importlib
import re
import typing
from typing import Any, Final

_MARK: Final = "\N{SYMBOL FOR NULL}"
_PATTERN: Final = re.compile(f"{_MARK}([^{_MARK}]+){_MARK}")


def mark_missing(token: str, outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a resource, and a mark in place of each that the engine does not set.

    Args:
        token: A resource type, for example `aws:sqs/queue:Queue`.
        outputs: The outputs that the engine sets.
    """
    missing = guaranteed_outputs(token) - outputs.keys()
    return {**{name: f"{_MARK}{token}.{name}{_MARK}" for name in missing}, **outputs}


def find_missing(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the name of a missing output whose mark is in a value, or empty."""
    if isinstance(value, str):
        found = _PATTERN.search(value.replace("\\u2400", _MARK))
        return found.group(1) if found else ""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((name for name in map(find_missing, items) if name), "")


@functools.cache
def guaranteed_outputs(token: str) -> frozenset[str]:
    """Return the outputs that are never None, according to the classes of pulumi-aws.

    Args:
        token: A resource type, for example `aws:sqs/queue:Queue`.
    """
    module, name = token.split(":")[1].split("/", maxsplit=1)[0], token.rsplit(":", 1)[-1]
    found = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
    getters = (g.fget for g in vars(getattr(found, name)).values() if isinstance(g, property))
    return frozenset(
        str(getattr(getter, "_pulumi_name", getter.__name__))
        for getter in getters
        if getter is not None and not _is_optional(getter.__annotations__["return"])
    )


def _is_optional(output: Any) -> bool:  # noqa: ANN401 - a type
    inner = typing.get_args(output)
    return bool(inner) and type(None) in typing.get_args(inner[0])
