"""The rehearsal with the Pulumi CLI and the AWS plugin, which call the emulator.

State, passphrase and configuration are in the emulator's private folder; the committed files and
the operator's backend are not touched. The CLI's home is the operator's, because the AWS plugin is
installed there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from infra.bundle import ROOT
from infra.names import BOOTSTRAP_SUFFIX, Location
from rehearsal.sample_account import with_sample_account, with_sample_limits
from runtask.engine import PulumiEngine
from runtask.errors import RuntaskError
from runtask.project import PROJECT_FILE, Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rehearsal.emulator import Emulator

_INSTALL_CLI: Final = "install it: https://www.pulumi.com/docs/install/"

# The services that the program's resources and AssumeRole use.
_ENDPOINTS: Final = ("cloudwatchlogs", "iam", "kms", "lambda", "s3", "sns", "sqs", "sts")

# Checks of the provider that call services which the emulator does not have.
_FLAGS: Final = {
    "aws:skipCredentialsValidation": True,
    "aws:skipMetadataApiCheck": True,
    "aws:skipRegionValidation": True,
    "aws:s3UsePathStyle": True,
}


def check_tools() -> None:
    """Check that the Pulumi CLI and the AWS plugin are installed.

    Raises:
        RuntaskError: if one is missing; the text says how to install it.
    """
    cli = shutil.which("pulumi")
    if cli is None:
        raise RuntaskError(f"--engine pulumi needs the Pulumi CLI on the PATH; {_INSTALL_CLI}")
    required = version("pulumi-aws")
    done = subprocess.run(  # noqa: S603 - the operator's own CLI
        [cli, "plugin", "ls", "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntaskError(f"pulumi plugin ls: {done.stderr.strip()}")
    plugins = {(plugin["name"], plugin.get("version")) for plugin in json.loads(done.stdout)}
    if ("aws", required) not in plugins:
        raise RuntaskError(
            f"--engine pulumi needs the AWS plugin {required}; "
            f"run: pulumi plugin install resource aws {required}"
        )


def prepare(
    project: Project, emulator: Emulator, locations: Mapping[str, Location]
) -> PulumiEngine:
    """Return an engine for a private copy of the project, whose files are changed.

    Args:
        project: The copy.
        emulator: The embedded AWS that the AWS plugin calls.
        locations: Account and region of each function stack.
    """
    state = project.folder / "state"
    state.mkdir()
    (project.folder / "infra").symlink_to(ROOT / "infra")
    _use_this_python(project.folder / PROJECT_FILE)
    accounts = {}
    for stack in project.stacks():
        config = project.stack_config(stack)
        accounts[stack] = str(json.loads(config["aws:allowedAccountIds"])[0])
        adapted = config
        if location := locations.get(stack.removesuffix(BOOTSTRAP_SUFFIX)):
            adapt = with_sample_account if stack in locations else with_sample_limits
            adapted = adapt(config, location)
        changed = {key: json.loads(text) for key, text in adapted.items() if text != config[key]}
        _use_emulator(emulator.endpoint, project.stack_file(stack), changed)

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


def _use_this_python(path: Path) -> None:
    """Let the CLI run the program with the Python environment of this process."""
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    content["runtime"]["options"]["virtualenv"] = sys.prefix
    yaml.dump(content, path)


def _use_emulator(endpoint: str, path: Path, changed: Mapping[str, list[str]]) -> None:
    """Point a stack's AWS provider at the emulator, and change lists of its configuration."""
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    values = content["config"]
    values["aws:endpoints"] = [dict.fromkeys(_ENDPOINTS, endpoint)]
    values.update(_FLAGS)
    values.update(changed)
    yaml.dump(content, path)
