"""The sample of a mutation run, and its report."""

from __future__ import annotations

from bench.mutation import report, sample

NAMES = [f"function.x.x_run__mutmut_{number}" for number in range(50)]


def test_a_larger_sample_contains_a_smaller_one() -> None:
    small, large = sample(NAMES, 10, 7), sample(NAMES[::-1], 30, 7)
    assert large[:10] == small
    assert len(set(large)) == 30
    assert sample(NAMES, 10, 8) != small


def test_a_size_of_zero_is_all() -> None:
    assert sorted(sample(NAMES, 0, 7)) == sorted(NAMES)


def test_a_score_is_of_what_was_run() -> None:
    codes = dict(zip(NAMES, [0, 1, 1, 3, 36, None], strict=False))
    lines = report({"function/x.py": codes}).splitlines()
    assert lines[2] == "| function/x.py | 6 | 5 | 3 | 1 | 1 | 80.0% |"
    assert lines[3] == "| all | 6 | 5 | 3 | 1 | 1 | 80.0% |"
    assert lines[-1] == NAMES[0]
