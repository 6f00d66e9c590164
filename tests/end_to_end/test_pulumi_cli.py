"""The Pulumi CLI deploys to the embedded AWS, whatever the operator's shell says."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from ruamel.yaml import YAML

from rehearsal.pulumi_cli import prepare
from runtask.project import load_project
from runtask.routes import locations_by_stack
from tests.end_to_end.accounts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.emulator import Emulator
    from runtask.engine import PulumiEngine

ENDPOINT = "http://127.0.0.1:4566"


@dataclass
class FakeEmulator:
    """An endpoint, and variables that lead to it."""

    endpoint: str = ENDPOINT

    def variables(self, account: str, region: str) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": account, "AWS_REGION": region}


@pytest.fixture
def engine(tmp_path: Path) -> PulumiEngine:
    """Return an engine for a copy of the committed files."""
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    project = load_project(tmp_path)
    return prepare(project, cast("Emulator", FakeEmulator()), locations_by_stack(project))


def values(engine: PulumiEngine, stack: str) -> dict[str, Any]:
    text = (engine.folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text)["config"])


def test_a_profile_of_the_shell_does_not_take_precedence(engine: PulumiEngine) -> None:
    variables = engine.variables("prod-bootstrap")
    assert variables["AWS_ACCESS_KEY_ID"] == "222222222222"
    assert (variables["AWS_PROFILE"], variables["AWS_DEFAULT_PROFILE"]) == ("", "")
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert variables[file] == os.devnull


@pytest.mark.parametrize("stack", ["dev-bootstrap", "dev", "prod-bootstrap", "prod"])
def test_hosts_that_no_resolver_knows_are_reached_too(engine: PulumiEngine, stack: str) -> None:
    config = values(engine, stack)
    assert config["aws:httpProxy"] == ENDPOINT
    (endpoints,) = config["aws:endpoints"]
    assert set(endpoints.values()) == {ENDPOINT}
    assert {"s3", "s3control", "sts"} <= set(endpoints)


def test_the_provider_checks_its_credentials(engine: PulumiEngine) -> None:
    assert "aws:skipCredentialsValidation" not in values(engine, "dev")
