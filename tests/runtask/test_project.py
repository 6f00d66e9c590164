"""The Pulumi files are read as the engine reads them, and a mistake in them is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

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


def test_numbers_and_booleans_may_be_strings_as_the_pulumi_cli_writes_them(folder: Path) -> None:
    add(folder, "ecs-run-task:protect: 'false'")
    add(folder, "ecs-run-task:batchSize: '7'")
    config = load_project(folder).stack_config("dev")
    assert (config["ecs-run-task:protect"], config["ecs-run-task:batchSize"]) == ("false", "7")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ecs-run-task:cluster: batch", "ecs-run-task:cluster is not declared in Pulumi.yaml"),
        ("ecs-run-task:batchSize: ten", "ecs-run-task:batchSize: expected integer, found"),
        ("ecs-run-task:batchSize: true", "ecs-run-task:batchSize: expected integer, found true"),
        ("ecs-run-task:protect: 'yes'", 'ecs-run-task:protect: expected boolean, found "yes"'),
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


REPORT = "arn:aws:iam::111111111111:role/report-*"


def bound(folder: Path, **options: list[str]) -> None:
    """Declare the options of the bootstrap stacks, and set them for the dev account."""
    yaml = YAML()
    for name, section in (("Pulumi.yaml", "config"), ("Pulumi.dev-bootstrap.yaml", "config")):
        content = yaml.load((folder / name).read_text(encoding="utf-8"))
        for option, patterns in options.items():
            if name == "Pulumi.yaml":
                items = {"type": "string"}
                content[section][option] = {"type": "array", "items": items, "default": []}
            else:
                content[section][f"ecs-run-task:{option}"] = patterns
        yaml.dump(content, folder / name)


def test_roles_and_clusters_that_the_account_allows_are_accepted(folder: Path) -> None:
    bound(folder, boundaryRoles=[REPORT], boundaryClusters=["b*"])
    assert load_project(folder).stage_config("dev").clusters == ("batch",)


def test_a_role_that_the_account_does_not_allow_is_refused_with_both_values(folder: Path) -> None:
    bound(folder, boundaryRoles=["payroll-*", "report-task"])
    with pytest.raises(ProjectError) as caught:
        load_project(folder).stage_config("dev")
    (first, problem) = str(caught.value).splitlines()
    role = "arn:aws:iam::111111111111:role/report-execution"
    assert first.startswith("Pulumi.dev.yaml")
    assert problem == (
        f"  ecs-run-task:executionRoles: found {role}; account 111111111111 allows payroll-*, "
        "report-task (ecs-run-task:boundaryRoles in Pulumi.dev-bootstrap.yaml); remove it, or as "
        f"administrator run: pulumi config set --path 'ecs-run-task:boundaryRoles[2]' '{role}' "
        "-s dev-bootstrap && pulumi up -s dev-bootstrap"
    )


def test_a_cluster_that_the_account_does_not_allow_is_refused(folder: Path) -> None:
    bound(folder, boundaryClusters=["batch-*"])
    with pytest.raises(ProjectError, match=r"ecs-run-task:clusters: found \S+:cluster/batch; "):
        load_project(folder).stage_config("dev")


def test_without_patterns_or_their_file_nothing_is_refused(folder: Path) -> None:
    bound(folder, boundaryRoles=[])
    load_project(folder).stage_config("dev")
    bound(folder, boundaryRoles=["payroll-*"])
    (folder / "Pulumi.dev-bootstrap.yaml").unlink()
    load_project(folder).stage_config("dev")


def test_the_file_of_another_account_does_not_bound_a_stage(folder: Path) -> None:
    bound(folder, boundaryRoles=["payroll-*"])
    file = folder / "Pulumi.dev-bootstrap.yaml"
    text = file.read_text(encoding="utf-8").replace("111111111111", "333333333333")
    file.write_text(text, encoding="utf-8")
    load_project(folder).stage_config("dev")


def test_a_role_outside_of_the_boundary_is_exit_code_3() -> None:
    assert ProjectError.exit_code == 3
