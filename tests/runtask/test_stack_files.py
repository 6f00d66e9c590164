"""All stack files are checked before anything is deployed, and against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtask.errors import ProjectError
from runtask.project import load_project
from runtask.stack_files import check_stack_files

if TYPE_CHECKING:
    from pathlib import Path


def replace(folder: Path, stack: str, old: str, new: str) -> None:
    path = folder / f"Pulumi.{stack}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems(folder: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        check_stack_files(load_project(folder))
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_the_committed_files_are_right(folder: Path) -> None:
    check_stack_files(load_project(folder))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("aws:region:", "aws:regoin:", "no such key; did you mean region?"),
        ("aws:assumeRoles:", "aws:assumeRole:", "aws:assumeRole: the AWS provider has no such key"),
        (
            "- roleArn:",
            "- rolearn:",
            "aws:assumeRoles[0].rolearn: the AWS provider has no such key",
        ),
        ("aws:defaultTags:", "aws:defaultTag:", "did you mean defaultTags?"),
        ("    tags:\n", "    tag:\n", "aws:defaultTags.tag: the AWS provider has no such key"),
        ("stage: dev", "stage: 1", "aws:defaultTags.tags: expected names and texts"),
        (
            "aws:allowedAccountIds:\n    -",
            "aws:allowedAccountIds:",
            "expected a list of account ids",
        ),
    ],
)
def test_a_misspelt_key_of_the_provider_is_named(
    folder: Path, old: str, new: str, expected: str
) -> None:
    replace(folder, "dev", old, new)
    found = problems(folder)
    assert "Pulumi.dev.yaml" in found
    assert expected in found


def test_a_mistake_in_a_bootstrap_file_is_named(folder: Path) -> None:
    replace(
        folder,
        "prod-bootstrap",
        'aws:allowedAccountIds:\n    - "',
        'aws:allowedAccountIds:\n    - "1',
    )
    found = problems(folder)
    assert "Pulumi.prod-bootstrap.yaml is invalid" in found
    assert "expected exactly one account id of twelve digits" in found


def test_every_file_with_a_mistake_is_named(folder: Path) -> None:
    replace(folder, "dev", "aws:region:", "aws:regoin:")
    replace(folder, "prod", "aws:region:", "aws:regoin:")
    found = problems(folder)
    assert "Pulumi.dev.yaml" in found
    assert "Pulumi.prod.yaml" in found


def test_two_bootstrap_stacks_of_one_account_are_refused(folder: Path) -> None:
    for stack in ("prod", "prod-bootstrap"):
        text = (folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
        (folder / f"Pulumi.{stack}.yaml").write_text(
            text.replace("222222222222", "111111111111"), encoding="utf-8"
        )
    found = problems(folder)
    assert "has the bootstrap stack dev-bootstrap already" in found
    assert "set ecs-run-task:bootstrap to dev-bootstrap" in found


def test_a_stage_and_its_bootstrap_stack_are_in_one_account(folder: Path) -> None:
    replace(folder, "prod", "aws:region: eu-central-1", "aws:region: eu-west-1")
    found = problems(folder)
    assert "the stage is in account 222222222222, region eu-west-1" in found
