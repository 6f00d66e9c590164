"""A rehearsal that was kept, as another process works with it: `runtask stages`, `promote`, ...

The stacks' state, the copy of the Pulumi files and the endpoint are in the emulator's private
folder and in the environment of a shell that has read the file which the rehearsal names.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from rehearsal.emulator import AttachedEmulator
from rehearsal.engine import EmulatorSessions, InProcessEngine, Resource, State
from rehearsal.private_files import private
from rehearsal.sample_account import with_samples
from runtask import console
from runtask.errors import UsageError
from runtask.routes import locations_by_stack

if TYPE_CHECKING:
    from pathlib import Path

    from runtask.project import Project

# The copy of the Pulumi files, in the emulator's folder.
PROJECT_FOLDER: Final = "project"

_STATE_FILE: Final = "state.json"

# The only key of what stands for a file.
_FILE: Final = "pulumi.FileAsset"

# What a shell has from the file that the rehearsal names.
_VARIABLES: Final = ("AWS_ENDPOINT_URL", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, kw_only=True)
class AttachedEngine(InProcessEngine):
    """The in-process engine, with its state in a file."""

    def up(self, stack: str) -> None:
        """Deploy a stack, and keep the state."""
        try:
            super().up(stack)
        finally:
            save_state(self.emulator.folder, self.state)


def attach(folder: Path, project: Project) -> tuple[AttachedEngine, EmulatorSessions]:
    """Return engine and sessions of a rehearsal that was kept.

    Args:
        folder: The emulator's private folder.
        project: The copy of the Pulumi files in it.

    Raises:
        UsageError: if the shell has not read the file that the rehearsal names, or the rehearsal
            was deployed with the Pulumi CLI.
    """
    missing = [name for name in _VARIABLES if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} are missing; read the file that the rehearsal names: "
            f". {folder}/STAGE.sh"
        )
    if not (folder / _STATE_FILE).exists():
        raise UsageError(
            f"{folder} has no {_STATE_FILE}: the rehearsal was deployed with the Pulumi CLI, or "
            "has not finished yet; expected one of: runtask local --keep"
        )
    endpoint, secret = (os.environ[name] for name in _VARIABLES)
    emulator = AttachedEmulator(folder, endpoint, secret)
    engine = AttachedEngine(
        project=project,
        emulator=emulator,
        say=console.progress,
        adapt=with_samples(locations_by_stack(project)),
        state=load_state(folder),
    )
    return engine, EmulatorSessions(emulator=emulator)


def save_state(folder: Path, state: State) -> None:
    """Write the state of an engine, for the owner only."""
    stacks = [name.split("/", 1) for name in state.outputs]
    content = {
        "outputs": state.outputs,
        "resources": {
            f"{project}/{stack}": [
                dataclasses.asdict(one) for one in state.resources(f"{project}/{stack}")
            ]
            for project, stack in stacks
        },
    }
    path = folder / _STATE_FILE
    new = path.with_suffix(".new")
    with open(new, "w", encoding="utf-8", opener=private) as file:
        json.dump(content, file, default=_encoded)
    new.replace(path)


def load_state(folder: Path) -> State:
    """Return the state that `save_state` wrote."""
    content: dict[str, Any] = json.loads(
        (folder / _STATE_FILE).read_text(encoding="utf-8"), object_hook=_decoded
    )
    resources = {
        stack: {one["urn"]: Resource(**one) for one in items}
        for stack, items in content["resources"].items()
    }
    orders = [one.order for items in resources.values() for one in items.values()]
    return State(
        outputs=content["outputs"],
        _resources=resources,
        _count=itertools.count(max(orders, default=0) + 1),
    )


def _encoded(value: object) -> dict[str, str]:
    """Return what JSON holds of a file that was uploaded: it is the only value of another type."""
    if isinstance(value, pulumi.FileAsset):
        return {_FILE: str(value.path)}
    raise TypeError(f"cannot keep a {type(value).__name__} of the state")


def _decoded(value: dict[str, Any]) -> object:
    return pulumi.FileAsset(value[_FILE]) if set(value) == {_FILE} else value
