"""The rehearsal with the Pulumi CLI and the AWS plugin, which call the emulator.

State, passphrase and configuration are in the emulator's private folder; the committed files and
the operator's backend are not touched. The CLI's home is the operator's, because the AWS plugin is
installed there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from infra.bundle import ROOT
from rehearsal.sample_account import declared_value, with_samples
from runtask.engine import PulumiEngine
from runtask.project import PROJECT_FILE, Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.names import Location
    from rehearsal.emulator import Emulator

# The services that the program's resources and AssumeRole use. The provider lists the tags of a
# bucket through S3 Control since version 6.23.
_ENDPOINTS: Final = (
    "cloudwatch",
    "cloudwatchlogs",
    "dynamodb",
    "iam",
    "kms",
    "lambda",
    "s3",
    "s3control",
    "sns",
    "sqs",
    "sts",
)

# Checks of the provider that call services which the emulator does not have.
_FLAGS: Final = {
    "aws:skipMetadataApiCheck": True,
    "aws:skipRegionValidation": True,
    "aws:s3UsePathStyle": True,
}

# A profile of the operator's shell takes precedence over the keys of the run.
_NO_PROFILE: Final = {
    "AWS_PROFILE": "",
    "AWS_DEFAULT_PROFILE": "",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def prepare(
    project: Project, emulator: Emulator, locations: Mapping[str, Location]
) -> PulumiEngine:
    """Return an engine for a private copy of the project, whose files are changed.

    Args:
        project: The copy.
        emulator: The embedded AWS that the AWS plugin calls.
        locations: Account and region of each stack.
    """
    state = project.folder / "state"
    state.mkdir()
    (project.folder / "infra").symlink_to(ROOT / "infra")
    _use_this_python(project.folder / PROJECT_FILE)
    adapt = with_samples(locations)
    for stack in locations:
        config = project.stack_config(stack)
        adapted = adapt(stack, config)
        changed = {
            key: declared_value(project, key, text)
            for key, text in adapted.items()
            if text != config[key]
        }
        _use_emulator(emulator.endpoint, project.stack_file(stack), changed)

    def variables(stack: str) -> dict[str, str]:
        location = locations[stack]
        return {
            **_NO_PROFILE,
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


def _use_emulator(endpoint: str, path: Path, changed: Mapping[str, object]) -> None:
    """Point a stack's AWS provider at the emulator, and change lists of its configuration."""
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    values = content["config"]
    values["aws:endpoints"] = [dict.fromkeys(_ENDPOINTS, endpoint)]
    # S3 Control is called at <account>.127.0.0.1, a host that no resolver knows; a proxy need not
    # resolve it. What goes to 127.0.0.1 itself goes there without the proxy.
    values["aws:httpProxy"] = endpoint
    values.update(_FLAGS)
    values.update(changed)
    yaml.dump(content, path)
