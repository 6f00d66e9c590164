"""What a command works with: real accounts and the Pulumi CLI, or a rehearsal that was kept."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from runtask.account import ProfileSessions
from runtask.engine import PulumiEngine
from runtask.errors import UsageError
from runtask.options import REHEARSAL_VARIABLE, rehearsal_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtask.account import Sessions
    from runtask.engine import Engine
    from runtask.profiles import Profiles
    from runtask.project import Project

# The rehearsal is no part of this package; it may not be installed.
_ATTACHMENT: Final = "rehearsal.attachment"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a command works with.

    Attributes:
        engine: Deploys stacks, and knows their outputs.
        sessions: The operator's credentials.
        output: Returns the output so far of a container, by its task's ARN and its name; None for
            real accounts, where it is in CloudWatch Logs.
    """

    engine: Engine
    sessions: Sessions
    output: Callable[[str, str], str] | None = None


def surroundings(project: Project, profiles: Profiles) -> Surroundings:
    """Return what a command works with.

    Args:
        project: The Pulumi files.
        profiles: The AWS profiles of the stages.

    Raises:
        UsageError: if the shell names a rehearsal that is not there any more.
    """
    folder = rehearsal_folder()
    if folder is None:
        return Surroundings(
            engine=PulumiEngine.with_profiles(project.folder, profiles),
            sessions=ProfileSessions(profiles=profiles),
        )
    try:
        attach = import_module(_ATTACHMENT).attach
    except ImportError as error:
        raise UsageError(
            f"{REHEARSAL_VARIABLE} is set, and the rehearsal cannot be imported: {error}; run the "
            f"command in the checkout, or run: unset {REHEARSAL_VARIABLE}"
        ) from None
    engine, sessions = attach(folder, project)
    return Surroundings(engine=engine, sessions=sessions, output=engine.emulator.output)
