"""The configuration keys of the AWS provider, `aws:...`, checked before Pulumi starts.

The provider finds a misspelt key only when it starts, and says so in its own words.
https://www.pulumi.com/registry/packages/aws/installation-configuration/
"""

from __future__ import annotations

import difflib
import inspect
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAMESPACE: Final = "aws"


def provider_key_problems(name: str, value: object) -> Iterator[str]:
    """Yield what is wrong with the value of `aws:name`: where, what was found, what is expected."""
    from pulumi_aws import (  # noqa: PLC0415 - takes a while to import
        ProviderArgs,
        ProviderAssumeRoleArgs,
        ProviderDefaultTagsArgs,
    )

    where = f"{NAMESPACE}:{name}"
    known = _options(ProviderArgs)
    if name not in known:
        yield f"{where}: the AWS provider has no such key{_nearest(name, known)}"
    elif name == "assumeRoles":
        if not isinstance(value, list):
            yield f"{where}: expected a list of roles, each with roleArn; found {_shown(value)}"
            return
        for number, role in enumerate(value):
            yield from _object(f"{where}[{number}]", role, _options(ProviderAssumeRoleArgs))
    elif name == "defaultTags":
        yield from _object(where, value, _options(ProviderDefaultTagsArgs))
        tags = value.get("tags", {}) if isinstance(value, dict) else {}
        if not isinstance(tags, dict) or not all(isinstance(tag, str) for tag in tags.values()):
            yield f"{where}.tags: expected names and texts; found {_shown(tags)}"
    elif name in {"allowedAccountIds", "forbiddenAccountIds"} and not isinstance(value, list):
        yield f"{where}: expected a list of account ids; found {_shown(value)}"
    elif name in {"region", "profile"} and not isinstance(value, str):
        yield f"{where}: expected a text; found {_shown(value)}"


def provider_keys() -> tuple[str, ...]:
    """Return the names of all keys of the AWS provider, without their namespace."""
    from pulumi_aws import ProviderArgs  # noqa: PLC0415 - takes a while to import

    return _options(ProviderArgs)


def _object(where: str, value: object, known: Sequence[str]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: expected an object with {', '.join(known)}; found {_shown(value)}"
        return
    for name in value:
        if name not in known:
            yield f"{where}.{name}: the AWS provider has no such key{_nearest(str(name), known)}"


@cache
def _options(args: type[Any]) -> tuple[str, ...]:
    """Return the names of a class's arguments as the configuration spells them."""
    names = list(inspect.signature(args).parameters)
    return tuple(sorted(_camel_case(name) for name in names))


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; expected one of {', '.join(known)}"


def _shown(value: object) -> str:
    return json.dumps(value, default=str)
