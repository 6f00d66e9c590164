"""The engine tells whether a deployment would change anything, and reports errors by stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from pulumi import automation as auto
from pulumi.automation.events import EngineEvent

from runtask.engine import PulumiEngine
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NONE = "no changes were expected for refresh but changes were proposed"
URN = "urn:pulumi:dev::ecs-run-task::aws:sqs/queue:Queue::ecs-run-task-dev"


@dataclass
class FakeStack:
    """A stack of the Automation API with a preview, and an error for a deployment with changes."""

    change_summary: dict[str, int]
    protected: bool = False
    drifted: bool = False
    calls: list[str] = field(default_factory=list)

    def preview(self, **_options: Any) -> auto.PreviewResult:
        return auto.PreviewResult(
            stdout="", stderr="", change_summary=cast("Any", self.change_summary)
        )

    def up(self, *, on_event: Callable[[EngineEvent], Any], **options: Any) -> None:
        self.calls.append("up")
        if options.get("expect_no_changes") and not self.change_summary:
            return
        diagnostic = {"message": "refused\n", "severity": "error", "urn": URN}
        on_event(
            EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": diagnostic})
        )
        raise auto.CommandError(cast("Any", "\n code: 1\n stdout: much output\n stderr: "))

    def refresh(self, *, expect_no_changes: bool, **_options: Any) -> None:
        self.calls.append("refresh")
        if expect_no_changes and self.drifted:
            raise auto.CommandError(cast("Any", f"\n code: 255\n stdout: \n stderr: error: {NONE}"))

    def preview_destroy(self, *, on_event: Callable[[EngineEvent], Any], **_options: Any) -> None:
        self.calls.append("preview_destroy")
        if self.protected:
            message = (
                f'Preview failed: resource "{URN}" cannot be deleted\nbecause it is protected. '
            )
            diagnostic = {"message": message, "severity": "error", "urn": URN}
            on_event(
                EngineEvent.from_json(
                    {"sequence": 1, "timestamp": 1, "diagnosticEvent": diagnostic}
                )
            )
            raise auto.CommandError(cast("Any", "\n code: 1\n stdout: much\n stderr: "))

    def destroy(self, **_options: Any) -> None:
        self.calls.append("destroy")

    def export_stack(self) -> auto.Deployment:
        resources = [{"urn": URN, "protect": True}] if self.protected else [{"urn": URN}]
        return auto.Deployment(version=3, deployment={"resources": resources})


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PulumiEngine]:
    """Return a function that makes an engine of which every stack has the given changes."""

    def make(**changes: int) -> PulumiEngine:
        summary = {change.replace("_", "-"): count for change, count in changes.items()}
        monkeypatch.setattr(PulumiEngine, "_stack", lambda *_, **__: FakeStack(summary))
        return PulumiEngine(folder=folder)

    return make


@pytest.mark.parametrize(
    "changes", [{"update": 1, "same": 22}, {"create": 3}, {"delete": 1}, {"create_replacement": 1}]
)
def test_a_preview_with_a_change_says_so(
    engine: Callable[..., PulumiEngine], changes: dict[str, int]
) -> None:
    assert engine(**changes).preview("prod") is True


@pytest.mark.parametrize("changes", [{"same": 23}, {"same": 23, "update": 0}, {}])
def test_a_preview_without_a_change_says_so(
    engine: Callable[..., PulumiEngine], changes: dict[str, int]
) -> None:
    assert engine(**changes).preview("prod") is False


def test_a_failed_deployment_names_the_resource_and_not_the_output(
    engine: Callable[..., PulumiEngine],
) -> None:
    with pytest.raises(RuntaskError) as caught:
        engine().up("prod")
    assert str(caught.value) == (
        "stack prod was not or only partially deployed; run the command again to resume:\n"
        "  sqs.Queue ecs-run-task-dev: refused"
    )


@pytest.fixture
def engine_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeStack], PulumiEngine]:
    """Return a function that makes an engine with one stack."""

    def make(stack: FakeStack) -> PulumiEngine:
        monkeypatch.setattr(PulumiEngine, "_stack", lambda *_, **__: stack)
        return PulumiEngine(folder=folder)

    return make


def test_a_second_deployment_reads_every_resource_too(
    engine_of: Callable[[FakeStack], PulumiEngine],
) -> None:
    stack = FakeStack({})
    engine_of(stack).expect_no_changes("prod")
    assert stack.calls == ["up", "refresh"]


def test_drift_after_a_deployment_is_told(
    engine_of: Callable[[FakeStack], PulumiEngine],
) -> None:
    with pytest.raises(RuntaskError) as caught:
        engine_of(FakeStack({}, drifted=True)).expect_no_changes("prod")
    assert str(caught.value) == f"resources of stack prod have drifted:\n  {NONE}"


def test_a_protected_stack_is_refused_before_anything_is_deleted(
    engine_of: Callable[[FakeStack], PulumiEngine],
) -> None:
    stack = FakeStack({}, protected=True)
    with pytest.raises(RuntaskError) as caught:
        engine_of(stack).destroy("prod")
    first, second, *rest = str(caught.value).splitlines()
    assert first == "cannot destroy stack prod; nothing was deleted:"
    assert second == (
        f'  sqs.Queue ecs-run-task-dev: resource "{URN}" cannot be deleted because it is protected.'
    )
    assert "  2. Run: pulumi config set ecs-run-task:protect false -s prod" in rest
    assert stack.calls == ["preview_destroy"]


def test_an_unprotected_stack_is_destroyed(
    engine_of: Callable[[FakeStack], PulumiEngine],
) -> None:
    stack = FakeStack({})
    engine_of(stack).destroy("prod")
    assert stack.calls == ["preview_destroy", "destroy"]


@pytest.mark.parametrize("protected", [True, False])
def test_a_stack_with_a_protected_resource_is_protected(
    engine_of: Callable[[FakeStack], PulumiEngine],
    protected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert engine_of(FakeStack({}, protected=protected)).protects("prod") is protected


def test_a_cli_of_another_version_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise auto.InvalidVersionError("Minimum version requirement failed.")

    monkeypatch.setattr(auto, "select_stack", refuse)
    with pytest.raises(RuntaskError, match=r"requirement failed\. install it: https://"):
        PulumiEngine(folder=folder).outputs("prod")
