from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from function.limits import MAX_RESTARTS, MAX_STOP_TEXT_LENGTH, MAX_TASKS
from function.outcomes.history import Container, History, Run
from function.outcomes.serialization import from_text, to_text
from tests.unit.outcomes import KEY, after, arn, ended, launched, never_started, rejected, running

TEXTS = st.text(max_size=20)
CONTAINERS = st.builds(
    Container, name=TEXTS, ran=st.booleans(), exit_code=st.none() | st.integers(), reason=TEXTS
)
RUNS = st.builds(
    Run,
    arn=TEXTS,
    version=st.integers(),
    stop_reason=TEXTS,
    started_at=st.none() | st.integers().map(float),
    containers=st.lists(CONTAINERS, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(runs=st.lists(RUNS, max_size=3).map(tuple), stopping=st.dictionaries(TEXTS, TEXTS))
def test_a_history_survives_the_table(runs: tuple[Run, ...], stopping: dict[str, str]) -> None:
    history = replace(
        after(launched(count=2), never_started(1), running(2), rejected()),
        runs=runs,
        stopping=stopping,
        revision=4,
    )
    text = to_text(history)
    assert from_text(text, key=KEY, revision=4) == history
    assert to_text(from_text(text, key=KEY, revision=9)) == text


def test_what_is_empty_takes_no_space() -> None:
    assert to_text(History(key=KEY, revision=3)) == "{}"
    assert from_text("", key=KEY, revision=0) == History(key=KEY)


def test_items_of_other_versions_can_be_read() -> None:
    text = json.dumps(
        {
            "later": 1,
            "asked": {"count": 2, "later": 2},
            "runs": [{"arn": "a", "later": 3}],
            "todo": [{"kind": "stop", "later": 4}],
        }
    )
    history = from_text(text, key=KEY, revision=1)
    assert history.asked is not None
    assert (history.asked.count, history.asked.limits, history.runs[0].arn) == (2, {}, "a")


def test_texts_of_ecs_are_short_even_if_nobody_shortened_them() -> None:
    history = after(
        ended(stop_reason="x" * 5000, containers=(Container(name="a", reason="y" * 5000),))
    )
    kept = from_text(to_text(history), key=KEY, revision=0).runs[0]
    assert len(kept.stop_reason) <= MAX_STOP_TEXT_LENGTH
    assert len(kept.containers[0].reason) <= MAX_STOP_TEXT_LENGTH


def test_the_largest_history_fits_an_item() -> None:
    containers = tuple(
        Container(name=f"container-{number}", ran=True, exit_code=1, reason="r" * 300)
        for number in range(5)
    )
    run = never_started(text="t" * 300, containers=containers).run
    runs = tuple(replace(run, arn=arn(number)) for number in range(MAX_TASKS + MAX_RESTARTS))
    history = replace(after(launched()), runs=runs, replaced=tuple(item.arn for item in runs))
    assert len(to_text(history).encode()) < 350_000
