"""The part of DynamoDB's expressions that the handler may use, really evaluated.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = dict[str, Any]
Item = dict[str, Value]

# Those of the 573 that an attribute of ours might be called.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
RESERVED_WORDS: Final = frozenset(
    """ACTION ATTRIBUTE BATCH BEGIN CALL CALLED CLUSTER COMMENT CONDITION COUNT COUNTER CREATE DATA
    DATE DELETE DESCRIPTOR DETERMINISTIC DOMAIN END ERROR EXECUTE EXISTS EXPORT FIRST FUNCTION
    GROUP HASH HIDDEN IDENTIFIED INDEX ITEM ITEMS KEY KEYS LANGUAGE LAST LEVEL LIMIT LIST
    LOCATION LOCK LOG MAP MODE NAME NAMES NULL NUMBER OBJECT OF OLD OPTION ORDER OUTPUT OWNER
    PARAMETER PARTITION PATH PERMISSION POOL POSITION PRIMARY READ REFERENCE REGION RELEASE
    REPLACE REQUEST RESOURCE RESULT RETURN ROLE ROW SCOPE SESSION SET SIZE SOURCE START STATE
    STATUS STRING TABLE TIME TIMESTAMP TO TOKEN TOTAL TRANSACTION TTL TYPE UPDATE URL USE USER
    UUID VALUE VALUES""".split()  # noqa: SIM905 - a list of words reads best as words
)

_TOKENS: Final = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*|[^\s])")
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "SET", "REMOVE"})


class ExpressionError(ValueError):
    """DynamoDB refuses the expression, or the model does not know that part of the grammar."""


class Evaluator:
    """Evaluates the expressions of one call against an item.

    Attributes:
        used: the placeholders that were used so far.
    """

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Value], item: Item) -> None:
        self._names = names
        self._values = values
        self._item = item
        self._tokens: list[str] = []
        self.used: set[str] = set()

    def condition(self, text: str) -> bool:
        """Return whether a ConditionExpression holds.

        Raises:
            ExpressionError: it cannot be read.
        """
        self._tokens = _TOKENS.findall(text)[::-1]
        holds = self._or()
        self._end()
        return holds

    def update(self, text: str) -> Item:
        """Return the item after an UpdateExpression; every operand is read before it.

        Raises:
            ExpressionError: it cannot be read.
        """
        self._tokens = _TOKENS.findall(text)[::-1]
        changed: dict[str, Value | None] = {}
        sections: set[str] = set()
        while self._tokens:
            section = self._take().upper()
            if section in sections or section not in {"SET", "REMOVE"}:
                raise ExpressionError(f"{section}: not known, or there twice")
            sections.add(section)
            while True:
                name = self._path()
                if name in changed:
                    raise ExpressionError(f"two document paths overlap: {name}")
                changed[name] = self._assigned() if section == "SET" else None
                if not self._if(","):
                    break
        kept = {name: value for name, value in self._item.items() if name not in changed}
        return {**kept, **{name: value for name, value in changed.items() if value is not None}}

    def unused(self) -> list[str]:
        """Return the placeholders of the call that no expression used: DynamoDB refuses them."""
        return sorted((self._names.keys() | self._values.keys()) - self.used)

    def _or(self) -> bool:
        holds = self._and()
        while self._if("OR"):
            holds = self._and() or holds
        return holds

    def _and(self) -> bool:
        holds = self._not()
        while self._if("AND"):
            holds = self._not() and holds
        return holds

    def _not(self) -> bool:
        if self._if("NOT"):
            return not self._not()
        if self._if("("):
            holds = self._or()
            self._expect(")")
            return holds
        if self._peek() in {"attribute_exists", "attribute_not_exists"}:
            function = self._take()
            self._expect("(")
            there = self._path() in self._item
            self._expect(")")
            return there == (function == "attribute_exists")
        left = self._operand()
        compare = _COMPARE.get(self._take())
        if compare is None:
            raise ExpressionError("a comparison was expected")
        right = self._operand()
        return _compared(compare, left, right)

    def _assigned(self) -> Value:
        self._expect("=")
        left = self._value()
        sign = self._peek()
        if sign not in {"+", "-"}:
            return left
        self._take()
        right = self._value()
        try:
            number = Decimal(left["N"]) + Decimal(right["N"]) * (1 if sign == "+" else -1)
        except KeyError:
            raise ExpressionError("an operand of + or - is no number") from None
        return {"N": f"{number:f}"}

    def _value(self) -> Value:
        if self._peek() == "if_not_exists":
            self._call("if_not_exists")
            known = self._item.get(self._path())
            self._expect(",")
            other = self._value()
            self._expect(")")
            return other if known is None else known
        if self._peek() == "list_append":
            self._call("list_append")
            left = self._value()
            self._expect(",")
            right = self._value()
            self._expect(")")
            try:
                return {"L": [*left["L"], *right["L"]]}
            except KeyError:
                raise ExpressionError("an operand of list_append is no list") from None
        found = self._operand()
        if found is None:
            raise ExpressionError("the expression refers to an attribute that is not in the item")
        return found

    def _call(self, name: str) -> None:
        self._expect(name)
        self._expect("(")

    def _operand(self) -> Value | None:
        if not self._peek().startswith(":"):
            return self._item.get(self._path())
        name = self._take()
        if name not in self._values:
            raise ExpressionError(f"{name} is not among the values")
        self.used.add(name)
        return self._values[name]

    def _path(self) -> str:
        token = self._take()
        if token.startswith("#"):
            if token not in self._names:
                raise ExpressionError(f"{token} is not among the names")
            self.used.add(token)
            return self._names[token]
        if not re.fullmatch(r"[A-Za-z_]\w*", token) or token.upper() in _KEYWORDS:
            raise ExpressionError(f"a name was expected, got {token}")
        if token.upper() in RESERVED_WORDS:
            raise ExpressionError(f"{token} is a reserved word; use ExpressionAttributeNames")
        return token

    def _peek(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _take(self) -> str:
        if not self._tokens:
            raise ExpressionError("the expression ends too early")
        return self._tokens.pop()

    def _if(self, token: str) -> bool:
        found = self._peek().upper() == token
        if found:
            self._take()
        return found

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise ExpressionError(f"expected {token}, got {found}")

    def _end(self) -> None:
        if self._tokens:
            raise ExpressionError(f"something is left: {self._take()}")


def _compared(compare: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        return compare is operator.ne
    ((kind, one),) = left.items()
    ((other_kind, other),) = right.items()
    if kind != other_kind:
        return compare is operator.ne
    if kind == "N":
        one, other = Decimal(one), Decimal(other)
    elif kind not in {"S", "B"} and compare not in {operator.eq, operator.ne}:
        return False
    return compare(one, other)
