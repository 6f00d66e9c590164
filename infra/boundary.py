"""Whether a stage stays within what the administrator of its account allows.

The options `boundaryRoles` and `boundaryClusters` of a bootstrap stack are lists of patterns. A
stage may name a role or a cluster only if one of the patterns matches all that its value matches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.names import Location

# The wildcards of IAM: any characters, `:` and `/` too, and exactly one character.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
_ANY: Final = "*"
_ONE: Final = "?"

# Stands for each character that neither of two patterns spells out. No value contains it.
_OTHER: Final = "\0"


def role_arns(location: Location, patterns: Iterable[str]) -> list[str]:
    """Return patterns of roles as ARN patterns; a name is a role of the location's account."""
    return [
        pattern if pattern.startswith("arn:") else location.iam_arn(f"role/{pattern}")
        for pattern in patterns
    ]


def cluster_arns(location: Location, patterns: Iterable[str]) -> list[str]:
    """Return patterns of clusters as ARN patterns; a name is a cluster of the location."""
    return [location.cluster_arn(pattern) for pattern in patterns]


def outside(values: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Return the values that no pattern covers, in their order.

    Args:
        values: ARNs or ARN patterns. A pattern is covered if a single one of `patterns` matches
            everything that it matches: `report-*` covers `report-a*`, and not `rep*`.
        patterns: ARN patterns with `*` and `?`, as in the element Resource of an IAM policy.
    """
    allowed = list(patterns)
    return [value for value in values if not any(_covers(pattern, value) for pattern in allowed)]


def _covers(pattern: str, value: str) -> bool:
    """Return whether `pattern` matches every text that `value` matches.

    Both are read one character at a time, as automata whose state is a position in the text. For
    each position that `value` can be at, the set of positions that `pattern` can be at is known; if
    `value` can end where `pattern` cannot, the text read so far is a counterexample.
    """
    alphabet = (set(pattern) | set(value) | {_OTHER}) - {_ANY, _ONE}
    start = (_closure(value, {0}), _closure(pattern, {0}))
    seen = {start}
    waiting = [start]
    while waiting:
        mine, theirs = waiting.pop()
        if len(value) in mine and len(pattern) not in theirs:
            return False
        for character in alphabet:
            step = (_read(value, mine, character), _read(pattern, theirs, character))
            if step[0] and step not in seen:
                seen.add(step)
                waiting.append(step)
    return True


def _read(pattern: str, positions: frozenset[int], character: str) -> frozenset[int]:
    """Return the positions after one more character."""
    after = set()
    for position in positions:
        token = pattern[position : position + 1]
        if token == _ANY:
            after.add(position)
        elif token and token in {_ONE, character}:
            after.add(position + 1)
    return _closure(pattern, after)


def _closure(pattern: str, positions: set[int]) -> frozenset[int]:
    """Return the positions that are reached without a character: a `*` can match nothing."""
    reached = set(positions)
    for position in positions:
        following = position
        while pattern[following : following + 1] == _ANY:
            following += 1
            reached.add(following)
    return frozenset(reached)
