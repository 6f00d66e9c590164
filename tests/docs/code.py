"""What the code has that the documentation must name, read from its syntax."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVELS = ("debug", "info", "warning", "error", "critical")
_METRIC = re.compile(r"([A-Z][a-z]+)+")


@dataclass(frozen=True, kw_only=True)
class LogLine:
    text: str
    level: str
    fields: frozenset[str]


def log_lines() -> list[LogLine]:
    """Return every line that the handler logs: its constant text, level and fields."""
    found = []
    for path in sorted((ROOT / "function").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in _calls(tree):
            first = call.args[0] if call.args else None
            assert isinstance(first, ast.Constant), f"{path}:{call.lineno}: the text is no constant"
            found.append(
                LogLine(
                    text=str(first.value),
                    level=_attribute(call.func).upper(),
                    fields=frozenset(_fields(call, tree)),
                )
            )
    return found


def metrics() -> set[str]:
    """Return the names of the metrics: the CamelCase texts of the module that writes them."""
    tree = ast.parse((ROOT / "function" / "observability.py").read_text(encoding="utf-8"))
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if _METRIC.fullmatch(text)}


def stack_outputs() -> set[str]:
    """Return the names of a function stack's outputs: the dict that holds the stage's own."""
    tree = ast.parse((ROOT / "infra" / "stage.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
            if {"stage", "queueUrl"} <= keys:
                return keys
    raise AssertionError("infra/stage.py has no dict of outputs")


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield every call of a logger, which is called `log` or `_log` everywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = _attribute(node.func.value)
            if owner.lstrip("_") == "log" and node.func.attr in _LEVELS:
                yield node


def _attribute(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _fields(call: ast.Call, tree: ast.Module) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        else:  # **what(): the keys of the dict that a function of the same module returns
            assert isinstance(keyword.value, ast.Call)
            yield from _returned_keys(_attribute(keyword.value.func), tree)


def _returned_keys(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for part in ast.walk(node):
                if isinstance(part, ast.Return) and isinstance(part.value, ast.Dict):
                    yield from (
                        str(k.value) for k in part.value.keys if isinstance(k, ast.Constant)
                    )
