"""Python literals: some senders for the AWS Labs sample send `str()` of a dict instead of JSON.

This is the only place that reads them, and it reads plain values alone: dicts, lists, tuples,
texts, numbers, booleans and None, of bounded size. Replacing quotes would break on the first
apostrophe.
"""

from __future__ import annotations

import ast
from typing import Final

from function.limits import (
    MAX_LITERAL_DEPTH,
    MAX_LITERAL_LENGTH,
    MAX_LITERAL_NODES,
    MAX_NUMBER_DIGITS,
)

_MAX_NUMBER: Final = 10**MAX_NUMBER_DIGITS


class LiteralRefusedError(ValueError):
    """The text is not the literal of a plain value, or exceeds a limit."""


def read(text: str) -> object:
    """Return the value of a Python literal.

    Args:
        text: The text of a dict.

    Raises:
        LiteralRefusedError: if it is anything else, or exceeds a limit.
    """
    text = text.strip()
    if not text.startswith("{") or len(text) > MAX_LITERAL_LENGTH:
        raise LiteralRefusedError("not the text of a dict, or too long")
    try:
        expression = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise LiteralRefusedError("not a Python literal") from None
    return _Reader().value(expression, 0)


class _Reader:
    """Turns the syntax tree of a literal into its value."""

    def __init__(self) -> None:
        self._nodes = 0

    def value(self, node: ast.expr, depth: int) -> object:
        self._nodes += 1
        if self._nodes > MAX_LITERAL_NODES or depth > MAX_LITERAL_DEPTH:
            raise LiteralRefusedError("too many values, or nested too deeply")
        if isinstance(node, ast.Dict):
            names = [self._name(key) for key in node.keys]
            values = [self.value(item, depth + 1) for item in node.values]
            return dict(zip(names, values, strict=True))
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(item, depth + 1) for item in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self.value(node.operand, depth + 1)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number
        if isinstance(node, ast.Constant):
            return _constant(node.value)
        raise LiteralRefusedError("not a plain value")

    def _name(self, node: ast.expr | None) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        raise LiteralRefusedError("a name that is not a text")


def _constant(value: object) -> object:
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, int) and abs(value) < _MAX_NUMBER:
        return value
    raise LiteralRefusedError("not a plain value")
