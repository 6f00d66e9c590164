"""The record of a promotion has only text that can be shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from runtask.promotion.record import Promotion

VALID: dict[str, Any] = {
    "digest": "d" * 64,
    "previous": "",
    "source": "dev",
    "commit": "c" * 40,
    "time": "2026-11-20T11:00:00+00:00",
    "by": "arn:aws:sts::222222222222:assumed-role/ecs-run-task-deploy-eu-central-1/runtask",
    "verification": "rebuilt",
    "change": "artifact",
}


def test_a_record_survives_json() -> None:
    promotion = Promotion(**VALID)
    assert Promotion.from_json(promotion.as_json()) == promotion
    assert str(promotion) == "2026-11-20T11:00:00+00:00 from dev"


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert Promotion.from_json(json.dumps(VALID | {"later": "1"})) == Promotion(**VALID)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("digest", "", "digest: expected a SHA-256 in 64 hexadecimal digits"),
        ("previous", "\x1b[2J", "previous: expected a SHA-256 in 64 hexadecimal digits"),
        ("source", "dev\n", "source: expected a stage"),
        ("commit", "main", "commit: expected a git commit"),
        ("time", "now", "time: expected a time in UTC"),
        ("by", "arn:\x9b2J", "by: expected the ARN of a principal"),
        ("verification", "yes", "verification: expected rebuilt, recorded, none, found"),
        ("change", "all", "change: expected artifact, configuration, found"),
    ],
)
def test_what_is_not_a_record_is_refused_by_field(field: str, value: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}") as caught:
        Promotion.from_json(json.dumps(VALID | {field: value}))
    assert str(caught.value).isprintable()
