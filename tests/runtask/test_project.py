"""The Pulumi files are read as the engine reads them, and a mistake in them is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtask.errors import ProjectError
from runtask.project import load_project

if TYPE_CHECKING:
    from pathlib import Path


def add(folder: Path, line: str) -> None:
    with (folder / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  {line}\n")


def test_values_are_text_as_the_engine_hands_them_over(folder: Path) -> None:
    add(folder, "ecs-run-task:fifo: true")
    add(folder, "ecs-run-task:batchSize: 5")
    config = load_project(folder).stack_config("dev")
    assert config["ecs-run-task:fifo"] == "true"
    assert config["ecs-run-task:batchSize"] == "5"
    assert config["ecs-run-task:clusters"] == '["batch"]'
    assert config["ecs-run-task:timeoutSeconds"] == "60"


def test_stages_are_the_stacks_that_are_no_bootstrap(folder: Path) -> None:
    project = load_project(folder)
    assert project.stacks() == ["dev", "dev-bootstrap", "prod", "prod-bootstrap"]
    assert project.stages() == ["dev", "prod"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ecs-run-task:cluster: batch", "ecs-run-task:cluster is not declared in Pulumi.yaml"),
        ("ecs-run-task:batchSize: ten", "ecs-run-task:batchSize: expected integer, found"),
        ("ecs-run-task:batchSize: true", "ecs-run-task:batchSize: expected integer, found true"),
        ("batchSize: 10", "no namespace; expected a key such as ecs-run-task:batchSize"),
        ("ecs-run-task:logLevel: {secure: abc}", "ecs-run-task:logLevel is encrypted"),
        ("ecs-run-task:clusters: [a]", "not YAML"),  # given twice
    ],
)
def test_a_mistake_is_named_with_file_and_key(folder: Path, line: str, expected: str) -> None:
    add(folder, line)
    with pytest.raises(ProjectError, match=r"Pulumi\.dev\.yaml") as caught:
        load_project(folder).stack_config("dev")
    assert expected in str(caught.value)


def test_an_unknown_stage_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(ProjectError, match=r"Pulumi\.staging\.yaml is missing.*dev-bootstrap"):
        load_project(folder).stack_config("staging")


def test_a_folder_without_a_project_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no Pulumi\.yaml in"):
        load_project(tmp_path)
