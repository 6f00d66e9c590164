from __future__ import annotations

import pytest

from function.outcomes.exit_codes import deciders, deciding_code, is_injected
from function.outcomes.history import Container, Run

GUARD = Container(name="aws-guardduty-agent-x1Y2", ran=True, exit_code=137)
MESH = Container(name="ecs-service-connect-abc", ran=True, exit_code=143)


def code(
    *containers: Container,
    overridden: tuple[str, ...] = (),
    essential: tuple[str, ...] | None = None,
) -> int | None:
    return deciding_code(deciders(Run(arn="a", containers=containers), overridden, essential))


def exited(name: str, with_code: int | None) -> Container:
    return Container(name=name, ran=True, exit_code=with_code)


def test_the_container_that_the_message_overrides_decides() -> None:
    app, side = exited("app", 0), exited("side", 137)
    assert code(app, side, GUARD, overridden=("app",), essential=("side",)) == 0


def test_otherwise_the_essential_one_decides() -> None:
    assert code(exited("app", 0), exited("side", 137), GUARD, essential=("app",)) == 0


def test_injected_containers_never_decide() -> None:
    assert code(exited("app", 0), GUARD, MESH) == 0
    assert code(exited("app", 7), GUARD, MESH, essential=("app",)) == 7
    assert code(GUARD, MESH) is None


def test_a_container_that_only_looks_injected_decides_if_it_was_asked_for() -> None:
    assert code(exited("aws-guardduty-agent", 3), overridden=("aws-guardduty-agent",)) == 3


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 0), 0),
        ((0, 5), 5),
        ((4, 5), 4),
        ((None, 5), 5),
        ((None, 0), None),
        ((None, None), None),
    ],
)
def test_of_several_the_first_that_failed_decides(
    codes: tuple[int | None, ...], expected: int | None
) -> None:
    found = [exited(f"c{number}", each) for number, each in enumerate(codes)]
    assert code(*reversed(found), overridden=("c0", "c1")) == expected


def test_a_decider_that_the_task_does_not_show_leaves_the_others() -> None:
    assert code(exited("app", 3), overridden=("gone",)) == 3
    assert code(overridden=("gone",)) is None


@pytest.mark.parametrize(
    ("name", "injected"),
    [
        ("aws-guardduty-agent-x1Y2", True),
        ("ecs-service-connect-abc", True),
        ("app", False),
        ("my-aws-guardduty-agent", False),
    ],
)
def test_injected_containers_are_known_by_their_names(name: str, *, injected: bool) -> None:
    assert is_injected(name) is injected
