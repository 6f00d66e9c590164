"""The workflows keep what the documentation says of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from ruamel.yaml import YAML

from tests.docs import pages
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yaml"))
FILES: Final = [*WORKFLOWS, *sorted((GITHUB / "actions").rglob("action.yaml"))]


def load(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(GITHUB / "workflows" / name)["jobs"]
    return found


def checkout(job: dict[str, Any]) -> dict[str, Any]:
    return next(step["with"] for step in job["steps"] if "actions/checkout@" in step["uses"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GITHUB).as_posix())
def test_every_action_is_of_this_repository_or_pinned_by_commit_with_its_version(
    path: Path,
) -> None:
    for line in re.findall(r"uses: (.+)", path.read_text("utf-8")):
        assert re.fullmatch(r"\$/\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_version_everywhere() -> None:
    text = "".join(path.read_text("utf-8") for path in FILES)
    pins = set(re.findall(r"uses: ([^@\s]+)@(\S+)", text))

    assert len(pins) == len({action for action, _ in pins})


def test_a_promotion_that_waits_does_not_hold_back_dev() -> None:
    deployment = load(GITHUB / "workflows" / "deploy.yaml")
    groups = [job["concurrency"]["group"] for job in deployment["jobs"].values()]

    assert "concurrency" not in deployment
    assert len(set(groups)) == len(groups)
    assert not any(j["concurrency"]["cancel-in-progress"] for j in deployment["jobs"].values())


@pytest.mark.parametrize("name", ["deploy.yaml", "preview.yaml"])
def test_the_whole_history_is_there_where_an_artifact_is_built(name: str) -> None:
    assert checkout(jobs(name)["dev"])["fetch-depth"] == 0


def test_a_pull_request_of_dependabot_gets_no_preview() -> None:
    assert "user.login != 'dependabot[bot]'" in jobs("preview.yaml")["dev"]["if"]


def test_the_version_of_the_pulumi_cli_is_the_documented_one() -> None:
    steps = load(GITHUB / "actions" / "pulumi" / "action.yaml")["runs"]["steps"]
    version = next(s["with"]["pulumi-version"] for s in steps if "pulumi/actions@" in s["uses"])

    assert f"| the Pulumi CLI | version, in the workflows: {version};" in pages.read("decisions.md")


def test_every_variable_of_the_workflows_is_documented() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    names = set(re.findall(r"\b(?:vars|secrets)\.([A-Z_]+)", text))

    assert names <= pages.spans(pages.read("promotion.md"))
