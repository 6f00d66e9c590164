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
    whole = _handler()
    for path in sorted((ROOT / "function").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in _calls(tree):
            first = call.args[0] if call.args else None
            assert isinstance(first, ast.Constant), f"{path}:{call.lineno}: the text is no constant"
            found.append(
                LogLine(
                    text=str(first.value),
                    level=_attribute(call.func).upper(),
                    fields=frozenset(_fields(call, whole)),
                )
            )
    return found


def metrics() -> set[str]:
    """Return the names of the metrics: the CamelCase texts of the modules that write them."""
    texts = {
        node.value
        for path in ("observability.py", "outcomes/metrics.py")
        for node in ast.walk(ast.parse((ROOT / "function" / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if _METRIC.fullmatch(text)}


def stack_outputs() -> set[str]:
    """Return the names of a function stack's outputs: the stage's own, and those of the options."""
    found: set[str] = set()
    for module in ("stage.py", "outcomes.py"):
        tree = ast.parse((ROOT / "infra" / module).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                keys = {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
                if keys & {"queueUrl", "eventsQueueUrl", "dashboard"}:
                    found |= keys
    return found


def _handler() -> ast.Module:
    """Return all modules of the handler as one."""
    paths = sorted((ROOT / "function").rglob("*.py"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    return ast.Module(body=[part for tree in trees for part in tree.body], type_ignores=[])


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
        elif isinstance(keyword.value, ast.Name):  # what the callers of this function pass on
            yield from _passed_keys(call, tree)
        else:  # **what(): the keys of the dict that a function of the handler returns
            assert isinstance(keyword.value, ast.Call)
            yield from _returned_keys(_attribute(keyword.value.func), tree)


def _passed_keys(call: ast.Call, tree: ast.Module) -> Iterator[str]:
    """Yield the keywords with which the function that makes a call is called."""
    (caller,) = (
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.args.kwarg is not None
        and any(ast.dump(part) == ast.dump(call) for part in ast.walk(node))
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _attribute(node.func) == caller:
            yield from (keyword.arg for keyword in node.keywords if keyword.arg is not None)


def _returned_keys(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for part in ast.walk(node):
                if isinstance(part, ast.Return) and isinstance(part.value, ast.Dict):
                    yield from (
                        str(k.value) for k in part.value.keys if isinstance(k, ast.Constant)
                    )
