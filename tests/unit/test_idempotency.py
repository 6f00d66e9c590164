from __future__ import annotations

import re

import pytest

from function.limits import MAX_KEY_LENGTH, MAX_STAGE_LENGTH
from function.message.idempotency import Stage, client_token, started_by, valid_key

STAGES = (
    Stage(name="dev", account="111111111111", region="eu-central-1"),
    Stage(name="beta", account="111111111111", region="eu-central-1"),
    Stage(name="dev", account="222222222222", region="eu-central-1"),
    Stage(name="dev", account="111111111111", region="eu-west-1"),
)


def test_the_longest_key_and_stage_stay_within_the_limits_of_ecs() -> None:
    key, stage = "k" * MAX_KEY_LENGTH, "s" * MAX_STAGE_LENGTH

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", client_token(key, STAGES[0], 999_999))
    assert re.fullmatch(r"[A-Za-z0-9_/-]{1,128}", started_by(stage, key))


def test_a_client_token_is_made_of_key_stage_and_attempt() -> None:
    tokens = {
        client_token(key, stage, attempt)
        for key in ("a", "b")
        for stage in STAGES
        for attempt in (0, 1)
    }

    assert len(tokens) == 2 * len(STAGES) * 2


@pytest.mark.parametrize("key", ["", "k" * 49, "a:b", "a/b", "é", "a\n", "a b"])
def test_a_key_is_letters_digits_dash_and_underscore(key: str) -> None:
    assert not valid_key(key)
