"""Renders schemas/: the JSON Schemas of a message and of a stack's file."""

from __future__ import annotations

import json
from typing import Final

from infra.bundle import ROOT
from runtask.project import load_project
from runtask.schema.message import message_schema
from runtask.schema.stack import stack_schema

PATH: Final = "schemas"


def render() -> dict[str, str]:
    """Return the text of each file."""
    schemas = {"message": message_schema(), "stack": stack_schema(load_project(ROOT))}
    return {
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }
