"""The JSON Schema of a stack's file, `Pulumi.<stack>.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.bootstrap_config import bootstrap_options
from infra.config import function_options
from infra.config_reader import Reader
from infra.names import PROJECT
from runtask.provider_keys import NAMESPACE, provider_keys
from runtask.schema.message import DRAFT, Schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from runtask.project import Project

_ACCOUNTS: Final[Schema] = {
    "type": "array",
    "items": {"type": "string", "pattern": "^[0-9]{12}$"},
    "minItems": 1,
    "maxItems": 1,
    "description": "the id of the only account that the stack may change, in quotes",
}

_ROLES: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["roleArn"],
        "properties": {
            "roleArn": {"type": "string", "pattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/"},
            "externalId": {"type": "string"},
            "sessionName": {"type": "string"},
        },
    },
    "description": "the deploy role",
}

_TAGS: Final[Schema] = {
    "type": "object",
    "properties": {"tags": {"type": "object", "additionalProperties": {"type": "string"}}},
    "description": "tags for every resource",
}

# What the Pulumi CLI writes beside the configuration.
_BESIDE: Final = ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")


class _Recorder(Reader):
    """Notes which numbers an option takes, and reports no problem."""

    def __init__(self) -> None:
        super().__init__("stage", lambda _key: None)
        self.numbers: dict[str, Schema] = {}

    def integer(self, option: str, allowed: Collection[int], unit: str) -> int:
        """Note the numbers."""
        self.numbers[option] = (
            {"minimum": allowed.start, "maximum": allowed.stop - 1}
            if isinstance(allowed, range)
            else {"enum": list(allowed)}
        )
        return super().integer(option, allowed, unit)


def stack_schema(project: Project) -> Schema:
    """Return the JSON Schema of the project's stack files, of stages and of bootstrap stacks."""
    recorder = _Recorder()
    function_options(recorder)
    bootstrap_options(recorder)
    properties: dict[str, Any] = {f"{NAMESPACE}:{name}": {} for name in provider_keys()}
    properties |= {
        f"{NAMESPACE}:region": {"type": "string", "description": "the region of the stack"},
        f"{NAMESPACE}:allowedAccountIds": _ACCOUNTS,
        f"{NAMESPACE}:assumeRoles": _ROLES,
        f"{NAMESPACE}:defaultTags": _TAGS,
    }
    properties |= {
        f"{PROJECT}:{name}": _option(declared, recorder.numbers.get(name, {}), recorder, name)
        for name, declared in project.declared.items()
        if ":" not in name
    }
    return {
        "$schema": DRAFT,
        "title": "A stack of ecs-run-task",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "config": {
                "type": "object",
                "additionalProperties": False,
                "required": [f"{NAMESPACE}:region", f"{NAMESPACE}:allowedAccountIds"],
                "properties": properties,
                # Keys of Pulumi itself, and of other providers.
                "patternProperties": {f"^(?!{PROJECT}:|{NAMESPACE}:)[^:]+:.": {}},
            },
            **{name: {} for name in _BESIDE},
        },
    }


def _option(declared: Mapping[str, Any], numbers: Schema, reader: Reader, name: str) -> Schema:
    """Return the schema of an option.

    The Pulumi CLI writes numbers and booleans as text when it changes anything in the file.
    """
    described = {
        key: declared[key] for key in ("default", "description") if declared.get(key) is not None
    }
    kind = declared.get("type", "string")
    if kind == "integer":
        forms: list[Schema] = [
            {"type": "integer", **numbers},
            {"type": "string", "pattern": "^-?[0-9]+$"},
        ]
        return {**described, "anyOf": forms}
    if kind == "boolean":
        return {**described, "enum": [True, False, "true", "false"]}
    made: Schema = {**described, "type": kind}
    if kind == "array":
        made["items"] = dict(declared.get("items", {}))
        if name in reader.expected:
            made["items"]["description"] = reader.expected[name]
    return made
