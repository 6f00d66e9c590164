"""A stage's value is covered only if one of the administrator's patterns matches all of it."""

from __future__ import annotations

import itertools
import re

import pytest

from infra.boundary import cluster_arns, outside, role_arns
from infra.names import Location

HERE = Location(account="111111111111", region="eu-central-1")
ROLE = "arn:aws:iam::111111111111:role/"


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("report", "report"),
        ("report-*", "report-task"),
        ("report-*", "report-"),
        ("report-*", "report-a*"),
        ("report-*", "report-*"),
        ("report-?", "report-?"),
        ("report-*", "report-?x"),
        ("*", "*"),
        ("*", "anything/*"),
        ("?*", "*?"),
        ("*?b*", "*ab*"),
        ("*x*x*", "*xx*"),
        ("a*c", "ab*bc"),
    ],
)
def test_a_pattern_covers_what_it_matches(pattern: str, value: str) -> None:
    assert outside([ROLE + value], [ROLE + pattern]) == []


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("report", "payroll"),
        ("report", "report-task"),
        ("report", "Report"),  # IAM compares letters as they are
        ("report-*", "rep*"),
        ("report-*", "report*"),
        ("report-?", "report-*"),
        ("report-?", "report-"),
        ("?", "*"),
        ("*-task", "report-*"),
        ("report.task", "report-task"),  # a dot is a dot
        ("[r]eport", "report"),
        ("", "report"),
    ],
)
def test_a_pattern_does_not_cover_what_it_does_not_match(pattern: str, value: str) -> None:
    assert outside([ROLE + value], [ROLE + pattern]) == [ROLE + value]


def test_coverage_is_exact_for_all_short_patterns() -> None:
    texts = [
        "".join(word) for length in range(5) for word in itertools.product("abz", repeat=length)
    ]
    patterns = [
        "".join(word) for length in range(4) for word in itertools.product("ab*?", repeat=length)
    ]

    def matched(pattern: str) -> set[str]:
        expression = pattern.replace("*", ".*").replace("?", ".")
        return {text for text in texts if re.fullmatch(expression, text)}

    matches = {pattern: matched(pattern) for pattern in patterns}
    for pattern, value in itertools.product(patterns, repeat=2):
        covered = outside([value], [pattern]) == []
        assert covered == (matches[value] <= matches[pattern]), (pattern, value)


def test_one_pattern_has_to_cover_the_whole_value() -> None:
    assert outside(["a*"], ["ab*", "a"]) == ["a*"]


def test_values_outside_keep_their_order() -> None:
    assert outside(["c", "a1", "b"], ["a*"]) == ["c", "b"]


def test_without_a_pattern_everything_is_outside() -> None:
    assert outside(["a"], []) == ["a"]


def test_a_name_is_of_the_stages_own_account() -> None:
    assert role_arns(HERE, ["report-*", f"{ROLE}x"]) == [f"{ROLE}report-*", f"{ROLE}x"]
    assert cluster_arns(HERE, ["batch"]) == ["arn:aws:ecs:eu-central-1:111111111111:cluster/batch"]


def test_a_pattern_of_one_account_does_not_cover_all_accounts() -> None:
    everywhere = "arn:aws:iam::*:role/report"
    assert outside([everywhere], role_arns(HERE, ["*"])) == [everywhere]


def test_long_patterns_are_compared_in_no_time() -> None:
    assert outside([f"{ROLE}{'a' * 400}*b?*"], [f"{ROLE}*{'a' * 300}*?*"]) == []
