"""Whatever a message contains: nothing is raised, and it has exactly one of three outcomes."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings, target
from hypothesis import strategies as st

from function.failures.reasons import REASONS
from function.limits import MAX_MESSAGE_BYTES
from tests.unit.fakes import MESSAGE, Rig, client_error, rejection
from tests.unit.fakes import settings as settings_of

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4)
    ),
    max_leaves=15,
)

VALID: dict[str, Any] = {
    "ECS": {
        **MESSAGE,
        "service": "report",
        "count": 2,
        "propagateTags": "TASK_DEFINITION",
        "tags": [{"key": "team", "value": "a"}],
        "overrides": {
            "cpu": "1024",
            "taskRoleArn": "report-task",
            "containerOverrides": [
                {"name": "main", "environment": [{"name": "A", "value": "b"}], "command": ["run"]}
            ],
        },
    }
}

FLAT: dict[str, Any] = {
    "ECS": {
        "cluster": "batch",
        "task_def": "report:7",
        "container_name": "main",
        "environment": [{"Name": "A", "Value": "b"}],
        "command": ["run"],
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],
        "cpu": "1024",
    }
}

RESULTS = st.sampled_from(
    [
        None,
        None,
        "RESOURCE:CPU",
        "SOMETHING",
        client_error("ThrottlingException", "Rate exceeded"),
        client_error("InvalidParameterException", "no"),
        client_error("AccessDeniedException", "no"),
        client_error("ConflictException", "known"),
        ValueError("bug"),
    ]
)


def locations(value: Any, start: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a value."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [
        path for name, item in inside for path in ((*start, name), *locations(item, (*start, name)))
    ]


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """Draw a valid message with something else in some locations."""
    body = copy.deepcopy(draw(st.sampled_from([VALID, FLAT])))
    for _ in range(draw(st.integers(0, 3))):
        paths = locations(body)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        parent = body
        for name in way:
            parent = parent[name]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            parent[last] = draw(ANY_JSON)
        elif change == "remove":
            del parent[last]
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=8))] = draw(ANY_JSON)
        else:
            parent.append(draw(ANY_JSON))
    return json.dumps(body) if draw(st.booleans()) else str(body)


def has_one_outcome(body: str, result: Exception | str | None = None, age: int = 0) -> None:
    rig = Rig()
    rig.ecs.always = result

    returned = rig.run(body, age=age)

    refused = rejection(body, rig.settings)
    if refused is not None:
        assert rig.ecs.calls == []
        assert (returned, len(rig.sqs.sent)) == ([], 1)
        assert rig.dead_letters[0]["reason"] == refused.reason
    launched = any(line["message"] == "message launched" for line in rig.logs)
    assert [bool(returned), bool(rig.sqs.sent), launched].count(True) == 1
    for sent, dead in zip(rig.sqs.sent, rig.dead_letters, strict=True):
        assert sent["MessageBody"] == body
        assert len(body.encode()) < MAX_MESSAGE_BYTES
        assert dead["reason"] in REASONS
        dead["error"].encode()
    assert all(1 <= call["count"] <= 10 for call in rig.ecs.calls)


QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@QUICK
@given(ANY_JSON.map(json.dumps))
def test_any_json_has_one_outcome(body: str) -> None:
    has_one_outcome(body)


@QUICK
@given(ANY_JSON)
def test_any_json_in_the_wrapper_has_one_outcome(value: Any) -> None:
    has_one_outcome(json.dumps({"ECS": value}))


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_has_one_outcome(body: str) -> None:
    has_one_outcome(body)


@settings(QUICK, max_examples=500)
@given(mutations(), RESULTS, st.sampled_from([0, 90_000, 345_000]))
def test_any_mutation_of_a_message_has_one_outcome(
    body: str, result: Exception | str | None, age: int
) -> None:
    has_one_outcome(body, result, age)


@QUICK
@given(st.lists(st.tuples(mutations(), st.integers(0, 3)), min_size=1, max_size=10), RESULTS)
def test_every_message_of_a_batch_has_one_outcome(
    messages: list[tuple[str, int]], result: Exception | str | None
) -> None:
    rig = Rig(settings=settings_of(QUEUE_URL="https://sqs/1/work.fifo"))
    rig.sqs.change_message_visibility_batch = lambda **_: {}  # type: ignore[method-assign]
    rig.ecs.always = result
    target(float(len(messages)))

    returned = rig.handle(
        *(rig.record(body, n, group=str(group)) for n, (body, group) in enumerate(messages))
    )

    dead = [item["messageId"] for item in rig.dead_letters]
    launched = [li["message_id"] for li in rig.logs if li["message"] == "message launched"]
    assert sorted(returned + dead + launched) == [f"message-{n}" for n in range(len(messages))]
