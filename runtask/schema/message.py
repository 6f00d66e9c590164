"""The JSON Schema of a message: botocore's model of RunTask, and what the kit makes of it.

It says which names and types there are. What a stage allows is not in it: `runtask explain` says
that.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.model import ListShape, Shape, StringShape, StructureShape

from function import limits
from function.message.forms import FLAT_NAMES
from function.message.parameters import PARAMETERS, Parameter, SetBy
from function.message.parsing import WRAPPER

# Both are the handler's own, so that the schema cannot differ from them.
from function.message.validation import _MAX_LENGTHS, _run_task_shape

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

# A length of time: `90s`, `30m`, `4h`, `2d`.
_DURATION: Final[Schema] = {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$"}

# An exit code, or a range of them such as `100-110`.
_EXIT_CODES: Final[Schema] = {
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 255},
            {"type": "string", "pattern": "^[0-9]{1,3}(-[0-9]{1,3})?$"},
        ]
    },
}

_LIMITS: Final[Schema] = {
    "type": "object",
    "description": "What the kit does besides the launch; within the stage's option limits.",
    "additionalProperties": False,
    "properties": {
        "maxRuntime": {**_DURATION, "description": "After this time a task is stopped."},
        "concurrency": {
            "description": "How many of these tasks run at once; further messages wait.",
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["max"],
                    "properties": {
                        "max": {"type": "integer", "minimum": 1},
                        "group": {
                            "type": "string",
                            "pattern": "^[A-Za-z0-9_-]{1,255}$",
                            "description": "What is counted together; by default the family.",
                        },
                    },
                },
            ],
        },
        "capacity": {
            "type": "array",
            "minItems": 1,
            "maxItems": limits.MAX_CAPACITY_PROVIDERS,
            "items": {"type": "string"},
            "description": "Capacity providers, each tried where the one before it has none left.",
        },
        "onExit": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "restart": {**_EXIT_CODES, "description": "Exit codes that start it again."},
                "times": {"type": "integer", "minimum": 1, "description": "How often."},
                "announce": {**_EXIT_CODES, "description": "Exit codes that people are told of."},
            },
        },
    },
}

# What the kit adds to the parameters of RunTask, in both forms.
_BLOCKS: Final[Schema] = {
    "service": {
        "type": "string",
        "description": "The service whose network the task gets, where the message has none.",
    },
    "limits": {"$ref": "#/$defs/limits"},
    "payload": {
        "description": "Any value; the task reads it from ECS_RUN_TASK_PAYLOAD_URI. Needs payloads."
    },
}

_DELETE_ON_TERMINATION: Final = "deleteOnTermination"


def message_schema() -> Schema:
    """Return the JSON Schema of one message."""
    form = _Form().schema(_run_task_shape(), "")
    form["properties"] |= _BLOCKS
    flat_names = [{"required": [name]} for name in FLAT_NAMES]
    return {
        "$schema": DRAFT,
        "title": "A message of ecs-run-task",
        "type": "object",
        "if": {"required": [WRAPPER]},
        "then": {
            "additionalProperties": False,
            "properties": {
                WRAPPER: {"$ref": "#/$defs/request"},
                "SQS_Retries": {"description": "Ignored.", "deprecated": True},
            },
        },
        "else": {"$ref": "#/$defs/request"},
        "$defs": {
            "request": {
                "type": "object",
                "if": {"anyOf": flat_names},
                "then": {"$ref": "#/$defs/flat"},
                "else": {"$ref": "#/$defs/runTask"},
            },
            "runTask": form,
            "flat": _flat(form),
            "limits": _LIMITS,
        },
    }


class _Form:
    """Makes a schema of a shape, with what the table of parameters says of each path."""

    def __init__(self) -> None:
        self._parameters = {parameter.path: parameter for parameter in PARAMETERS}

    def schema(self, shape: Shape, place: str) -> Schema:
        """Return the schema of a shape.

        Args:
            shape: A shape of botocore's model.
            place: Its path, as in the table of parameters.
        """
        made: Schema
        if isinstance(shape, StructureShape):
            made = self._object(shape, place)
        elif isinstance(shape, ListShape):
            made = {"type": "array", "items": self.schema(shape.member, f"{place}[]")}
            if place in _MAX_LENGTHS:
                made["maxItems"] = _MAX_LENGTHS[place]
        elif isinstance(shape, StringShape):
            made = {"type": "string", **({"enum": list(shape.enum)} if shape.enum else {})}
            if place in _MAX_LENGTHS:
                made["maxLength"] = _MAX_LENGTHS[place]
        else:
            made = {"type": "boolean" if shape.type_name == "boolean" else "integer"}
        if place == "count":
            made |= {"minimum": 1, "maximum": limits.MAX_TASKS}
        return made | self._said(place)

    def _object(self, shape: StructureShape, place: str) -> Schema:
        properties = {}
        for name, member in shape.members.items():
            inner = f"{place}.{name}".removeprefix(".")
            if name == _DELETE_ON_TERMINATION:
                properties[name] = {"const": True}
            elif self._can_be_set(inner):
                properties[name] = self.schema(member, inner)
        required = [name for name in shape.required_members if name in properties]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
            **({"required": required} if required else {}),
        }

    def _can_be_set(self, place: str) -> bool:
        """Return whether a message can say anything at a path or below it."""
        below = [
            parameter
            for path, parameter in self._parameters.items()
            if path == place or path.startswith((f"{place}.", f"{place}["))
        ]
        return place == "startedBy" or any(
            one.set_by in {SetBy.SENDER, SetBy.OPTION} or one.path.endswith(_DELETE_ON_TERMINATION)
            for one in below
        )

    def _said(self, place: str) -> Schema:
        """Return what the table says of a path."""
        parameter = self._parameters.get(place)
        if parameter is None:
            return {}
        text = " ".join(filter(None, (parameter.note, _options(parameter))))
        said: Schema = {"description": text} if text else {}
        return said | ({"deprecated": True} if parameter.set_by is SetBy.KIT else {})


def _options(parameter: Parameter) -> str:
    if not parameter.options:
        return ""
    return f"Within {', '.join(parameter.options)} of the stage."


def _flat(form: Schema) -> Schema:
    """Return the schema of the flat form: some parameters have other names and places."""
    replaced = {place.partition(".")[0] for place in FLAT_NAMES.values()}
    properties = {
        name: schema for name, schema in form["properties"].items() if name not in replaced
    }
    properties |= {name: _at(form, place) for name, place in FLAT_NAMES.items()}
    pair = properties["environment"]["items"]
    names = {"Name": "name", "Value": "value"}
    capital = {new: pair["properties"][old] for new, old in names.items()}
    both = {**pair, "properties": pair["properties"] | capital}
    properties["environment"] = {**properties["environment"], "items": both}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _at(form: Schema, place: str) -> Schema:
    """Return the schema at a path such as `overrides.containerOverrides[0].name`."""
    found = form
    for part in place.split("."):
        name, item, _ = part.partition("[")
        found = found["properties"][name]
        if item:
            found = found["items"]
    return found
