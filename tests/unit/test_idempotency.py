from __future__ import annotations

import re

import pytest

from function.limits import MAX_KEY_LENGTH, MAX_STAGE_LENGTH, MAX_TASKS
from function.message.idempotency import client_token, started_by, valid_key


def test_the_longest_key_and_stage_stay_within_the_limits_of_ecs() -> None:
    key, stage = "k" * MAX_KEY_LENGTH, "s" * MAX_STAGE_LENGTH

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", client_token(key, MAX_TASKS - 1))
    assert re.fullmatch(r"[A-Za-z0-9_/-]{1,128}", started_by(stage, key))


@pytest.mark.parametrize("key", ["", "k" * 49, "a:b", "a/b", "é", "a\n", "a b"])
def test_a_key_is_letters_digits_dash_and_underscore(key: str) -> None:
    assert not valid_key(key)
