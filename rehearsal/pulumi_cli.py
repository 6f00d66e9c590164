"""The rehearsal through the real engine: the Pulumi CLI and the AWS plugin, at the emulator.

State, passphrase and configuration are the run's own, in the emulator's private folder; the
committed files and the operator's backend are left alone. The CLI's home stays the operator's,
because that is where the AWS plugin is installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from infra.bundle import ROOT
from infra.names import PROJECT, Location
from rehearsal.sample_account import with_sample_account
from runtask.engine import PulumiEngine
from runtask.errors import RuntaskError
from runtask.project import PROJECT_FILE, Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rehearsal.emulator import Emulator

_INSTALL_CLI = "install it: https://www.pulumi.com/docs/install/"

# What the program's resources, and signing in, go through.
_ENDPOINTS = ("cloudwatchlogs", "iam", "kms", "lambda", "s3", "sns", "sqs", "sts")

# What the provider would otherwise ask services that the emulator does not have.
_FLAGS = {
    "aws:skipCredentialsValidation": True,
    "aws:skipMetadataApiCheck": True,
    "aws:skipRegionValidation": True,
    "aws:s3UsePathStyle": True,
}


def check_tools() -> None:
    """Make sure that the Pulumi CLI and the AWS plugin are installed.

    Raises:
        RuntaskError: saying which is missing, and how to install it.
    """
    cli = shutil.which("pulumi")
    if cli is None:
        raise RuntaskError(f"--engine pulumi needs the Pulumi CLI on the PATH; {_INSTALL_CLI}")
    wanted = version("pulumi-aws")
    done = subprocess.run(  # noqa: S603 - the operator's own CLI
        [cli, "plugin", "ls", "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntaskError(f"pulumi plugin ls: {done.stderr.strip()}")
    plugins = {(plugin["name"], plugin.get("version")) for plugin in json.loads(done.stdout)}
    if ("aws", wanted) not in plugins:
        raise RuntaskError(
            f"--engine pulumi needs the AWS plugin {wanted}; "
            f"run: pulumi plugin install resource aws {wanted}"
        )


def prepare(
    project: Project, emulator: Emulator, locations: Mapping[str, Location]
) -> PulumiEngine:
    """Return an engine for a private copy of the project, which is changed for the run.

    Args:
        project: The copy.
        emulator: Where the AWS plugin is sent.
        locations: Account and region of each function stack.
    """
    state = project.folder / "state"
    state.mkdir()
    (project.folder / "infra").symlink_to(ROOT / "infra")
    _run_with_this_python(project.folder / PROJECT_FILE)
    accounts = {}
    for stack in project.stacks():
        config = project.stack_config(stack)
        accounts[stack] = str(json.loads(config["aws:allowedAccountIds"])[0])
        _send_to(emulator.endpoint, project.stack_file(stack), config, locations.get(stack))

    def variables(stack: str) -> dict[str, str]:
        location = next(
            location for location in locations.values() if location.account == accounts[stack]
        )
        return {
            **emulator.variables(location.account, location.region),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    return PulumiEngine(folder=project.folder, variables=variables)


def _run_with_this_python(path: Path) -> None:
    """Let the engine start the program with the environment that is installed already."""
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    content["runtime"]["options"]["virtualenv"] = sys.prefix
    yaml.dump(content, path)


def _send_to(
    endpoint: str, path: Path, config: Mapping[str, str], location: Location | None
) -> None:
    """Point a stack's AWS provider at the emulator, and let the samples' names in."""
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    values = content["config"]
    values["aws:endpoints"] = [dict.fromkeys(_ENDPOINTS, endpoint)]
    values.update(_FLAGS)
    if location is not None:
        adapted = with_sample_account(dict(config), location)
        for key in ("clusters", "taskDefinitions", "passRoles"):
            values[f"{PROJECT}:{key}"] = json.loads(adapted[f"{PROJECT}:{key}"])
    yaml.dump(content, path)
