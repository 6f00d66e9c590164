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


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("deploy.yaml", "dev"),
        ("deploy.yaml", "preview-prod"),
        ("deploy.yaml", "prod"),
        ("preview.yaml", "dev"),
    ],
)
def test_the_whole_history_is_there_where_an_artifact_is_built(name: str, job: str) -> None:
    assert checkout(jobs(name)[job])["fetch-depth"] == 0


def roles(job: dict[str, Any]) -> dict[str, str]:
    """Return the AWS profiles of a job, and the variables of their roles."""
    steps = [step["with"] for step in job["steps"] if "configure-aws" in step.get("uses", "")]
    found = {step["aws-profile"]: step["role-to-assume"] for step in steps}
    states = (step["with"]["state-role"] for step in job["steps"] if step.get("id") == "pulumi")
    return found | {"state": next(states)}


def test_the_code_of_a_pull_request_runs_with_roles_that_only_read() -> None:
    job = jobs("preview.yaml")["dev"]

    assert job["environment"] == "preview"
    assert roles(job) == {
        "dev": "${{ vars.READ_ROLE_ARN }}",
        "state": "${{ vars.STATE_ROLE_ARN }}",
    }
    assert "DEPLOY_ROLE" not in (GITHUB / "workflows" / "preview.yaml").read_text("utf-8")
    commands = "".join(step.get("run", "") for step in job["steps"])
    assert "pulumi up" not in commands
    assert '--config-path --config "aws:assumeRoles[0].roleArn=$READ_ROLE_ARN"' in commands


def test_dev_is_deployed_and_prod_is_promoted_to_and_only_reads_dev() -> None:
    dev, prod = jobs("deploy.yaml")["dev"], jobs("deploy.yaml")["prod"]

    assert (dev["environment"], prod["environment"]) == ("dev", "prod")
    assert roles(dev) == {
        "dev": "${{ vars.DEPLOY_ROLE_ARN }}",
        "state": "${{ vars.STATE_ROLE_ARN }}",
    }
    assert roles(prod) == {
        "dev": "${{ vars.READ_ROLE_ARN }}",
        "prod": "${{ vars.DEPLOY_ROLE_ARN }}",
        "state": "${{ vars.STATE_ROLE_ARN }}",
    }


def test_the_reviewer_of_prod_sees_before_the_approval_what_would_change() -> None:
    found = jobs("deploy.yaml")
    preview, prod = found["preview-prod"], found["prod"]
    (command,) = (step["run"] for step in preview["steps"] if "run" in step)

    assert preview["environment"] == "preview-prod"
    assert roles(preview) == {
        "prod": "${{ vars.READ_ROLE_ARN }}",
        "state": "${{ vars.STATE_ROLE_ARN }}",
    }
    assert "pulumi up" not in command
    assert '--config-path --config "aws:assumeRoles[0].roleArn=$READ_ROLE_ARN"' in command
    assert '--config "ecs-run-task:artifact=$DIGEST"' in command
    assert "preview-prod" in prod["needs"]
    assert "needs.dev.result == 'success'" in prod["if"]


def test_nothing_is_deployed_from_a_fork_that_nobody_set_up() -> None:
    dev = jobs("deploy.yaml")["dev"]

    assert dev["if"] == "vars.AWS_REGION != ''"


def test_the_digest_that_dev_was_deployed_with_is_the_one_that_is_promoted() -> None:
    dev, prod = jobs("deploy.yaml")["dev"], jobs("deploy.yaml")["prod"]
    (step,) = (step for step in prod["steps"] if "runtask promote" in step.get("run", ""))

    assert dev["outputs"] == {"digest": "${{ steps.deploy.outputs.digest }}"}
    assert step["env"]["DIGEST"] == "${{ needs.dev.outputs.digest }}"
    assert 'promote dev prod --digest "$DIGEST"' in step["run"]
    assert "--allow-dirty" not in step["run"]


def variables(text: str) -> set[str]:
    return set(re.findall(r"\b(?:vars|secrets)\.([A-Z_]+)", text))


def test_a_role_is_a_variable_of_an_environment_and_of_each_its_own() -> None:
    page = pages.read("promotion.md")
    of_environments = set(
        re.findall(r"^\| `([A-Z_]+)` \| (?:dev|prod|preview)", page, re.MULTILINE)
    )

    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        named = {name for name in variables(text) if "ROLE" in name}
        # A name of one stage would be the same for every environment that reads it.
        assert named <= {"DEPLOY_ROLE_ARN", "READ_ROLE_ARN", "STATE_ROLE_ARN"}
        assert named <= of_environments
        for job in load(path)["jobs"].values():
            assert "environment" in job or not named & variables(str(job))
        outside = {key: value for key, value in load(path).items() if key != "jobs"}
        assert not any("ROLE" in name for name in variables(str(outside)))


def test_a_pull_request_of_dependabot_gets_no_preview() -> None:
    assert "user.login != 'dependabot[bot]'" in jobs("preview.yaml")["dev"]["if"]


def test_the_version_of_the_pulumi_cli_is_the_documented_one() -> None:
    steps = load(GITHUB / "actions" / "pulumi" / "action.yaml")["runs"]["steps"]
    version = next(s["with"]["pulumi-version"] for s in steps if "pulumi/actions@" in s["uses"])

    assert f"| the Pulumi CLI | version, in the workflows: {version};" in pages.read("decisions.md")


def test_every_variable_of_the_workflows_is_documented() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)

    assert variables(text) <= pages.spans(pages.read("promotion.md"))
