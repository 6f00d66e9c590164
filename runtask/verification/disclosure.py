"""What may leave the operator's machine: each value in a finding is public or has a pseudonym.

A finding has no field for plain text. Its values are numbers, `Public` or `Private`, and a report
replaces every private value by a pseudonym, so that it can be attached to an issue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

_PUBLIC: Final = re.compile(r"[A-Za-z0-9*][A-Za-z0-9 ._:/*+-]{0,99}")
_ACCOUNT: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ARN_PREFIX: Final = "arn:"


class Public(str):
    """A text that is the same in every account: an error code, a status, a region, a version."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept the text.

        Raises:
            ValueError: if it holds an account id or an ARN, or is longer than such a text.
        """
        if not is_public(text):
            raise ValueError("a public value holds an account id, an ARN or free text")
        return super().__new__(cls, text)


@dataclass(frozen=True)
class Private:
    """A text that belongs to the operator: an account id, a name, an ARN, free text of AWS.

    Attributes:
        kind: What it is, in one word; a pseudonym is the kind and a number.
        value: The text itself.
    """

    kind: str
    value: str


Value: TypeAlias = int | float | Public | Private | None
Fact: TypeAlias = Value | Sequence[Value]


@dataclass(kw_only=True)
class Pseudonyms:
    """The pseudonyms of one report: the same value has the same one everywhere."""

    _known: dict[Private, str] = field(default_factory=dict)

    def of(self, private: Private) -> str:
        """Return the pseudonym of a value, such as `account-1`."""
        if private not in self._known:
            number = 1 + sum(known.kind == private.kind for known in self._known)
            self._known[private] = f"{private.kind}-{number}"
        return self._known[private]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence with values in it.

    Attributes:
        template: The text, a literal of this package, with the values' names in braces.
        values: The values by name.
    """

    template: str
    values: Mapping[str, Fact] = field(default_factory=dict)

    def in_full(self) -> str:
        """Return the sentence for the operator, with every value."""
        return self._render(None)

    def redacted(self, pseudonyms: Pseudonyms) -> str:
        """Return the sentence for a report."""
        return self._render(pseudonyms)

    def _render(self, pseudonyms: Pseudonyms | None) -> str:
        texts = {name: _text(value, pseudonyms) for name, value in self.values.items()}
        return self.template.format(**texts)


def is_public(text: str) -> bool:
    """Return whether a text can be `Public`."""
    secret = _ACCOUNT.search(text) or _ARN_PREFIX in text
    return not secret and _PUBLIC.fullmatch(text) is not None


def public_or(kind: str, text: str) -> Public | Private:
    """Return a text of AWS, such as an error code, as public if it can be, else as private."""
    return Public(text) if is_public(text) else Private(kind, text)


def redacted(fact: Fact, pseudonyms: Pseudonyms) -> object:
    """Return a fact for a report, as JSON."""
    if isinstance(fact, Private):
        return pseudonyms.of(fact)
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return [redacted(one, pseudonyms) for one in fact]
    return fact


def _text(fact: Fact, pseudonyms: Pseudonyms | None) -> str:
    if isinstance(fact, Private):
        return pseudonyms.of(fact) if pseudonyms else fact.value
    if fact is None:
        return "nothing"
    if isinstance(fact, float):
        return f"{fact:.1f}"
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return ", ".join(_text(one, pseudonyms) for one in fact) or "nothing"
    return str(fact)
