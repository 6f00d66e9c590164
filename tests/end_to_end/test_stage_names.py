"""The rehearsal takes stages, accounts and the way of the artifact from the stack files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from rehearsal.emulator import Emulator
from rehearsal.rehearsal import Rehearsal, RehearsalResult
from runtask.errors import ProjectError
from runtask.project import load_project
from runtask.routes import Route, routes

ROOT: Final = Path(__file__).resolve().parents[2]


def copied(folder: Path, **names: str) -> None:
    """Copy the files of stages and their bootstrap stacks, under other names."""
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    for old, new in names.items():
        for suffix in ("", "-bootstrap"):
            shutil.copy(ROOT / f"Pulumi.{old}{suffix}.yaml", folder / f"Pulumi.{new}{suffix}.yaml")


def replace(folder: Path, stack: str, old: str, new: str) -> None:
    path = folder / f"Pulumi.{stack}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def rehearse(folder: Path) -> RehearsalResult:
    with Emulator.start() as emulator:
        return Rehearsal(
            project=load_project(folder), emulator=emulator, say=lambda _text: None, destroy=True
        ).run()


def share_one_account(folder: Path) -> None:
    copied(folder, dev="test", prod="live")
    (folder / "Pulumi.live-bootstrap.yaml").unlink()
    replace(folder, "live", "222222222222", "111111111111")
    replace(folder, "live", "config:\n", "config:\n  ecs-run-task:bootstrap: test-bootstrap\n")


def chain_three(folder: Path) -> None:
    copied(folder, dev="test", prod="live")
    for suffix in ("", "-bootstrap"):
        text = (folder / f"Pulumi.live{suffix}.yaml").read_text(encoding="utf-8")
        (folder / f"Pulumi.qa{suffix}.yaml").write_text(
            text.replace("222222222222", "333333333333"), encoding="utf-8"
        )
    readers = (
        "config:\n  ecs-run-task:artifactReaders:\n    - arn:aws:iam::{}:role/ecs-run-task-*\n"
    )
    replace(folder, "test-bootstrap", "222222222222", "333333333333")
    replace(folder, "qa-bootstrap", "config:\n", readers.format("222222222222"))
    replace(folder, "live-bootstrap", '"111111111111"', '"333333333333"')


def test_two_stages_share_an_account(tmp_path: Path) -> None:
    share_one_account(tmp_path)
    result = rehearse(tmp_path)
    assert [check.text for check in result.failed] == []
    assert {stage: one.account for stage, one in result.locations.items()} == {
        "test": "111111111111",
        "live": "111111111111",
    }
    texts = {check.text for check in result.checks}
    assert "test-bootstrap: the account's resources can be taken away" in texts
    assert not any("live-bootstrap" in text for text in texts)


def test_three_stages_with_names_of_their_own(tmp_path: Path) -> None:
    chain_three(tmp_path)
    assert routes(load_project(tmp_path)) == [
        Route(stage="test", source=""),
        Route(stage="qa", source="test"),
        Route(stage="live", source="qa"),
    ]
    result = rehearse(tmp_path)
    assert [check.text for check in result.failed] == []
    assert list(result.digests) == ["test", "qa", "live"]


def test_one_stage_alone(tmp_path: Path) -> None:
    copied(tmp_path, dev="only")
    result = rehearse(tmp_path)
    assert [check.text for check in result.failed] == []
    assert list(result.digests) == ["only"]


def test_a_project_in_which_no_stage_builds_is_told_so(tmp_path: Path) -> None:
    copied(tmp_path, prod="live")
    with pytest.raises(ProjectError, match=r"no stage of live builds its artifact; .* -s live"):
        routes(load_project(tmp_path))
