"""One line about a stage: what it runs, and whether it is what it should run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtask.errors import RuntaskError
from runtask.promotion.stage import load_stage_state

if TYPE_CHECKING:
    from runtask.engines import Engine
    from runtask.project import Project
    from runtask.promotion.access import Sessions


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A stage at a glance; a stage that cannot be looked at says why in `drift`."""

    stage: str
    account: str
    region: str
    pinned: str = ""
    running: str = ""
    commit: str = ""
    last_promotion: str = ""
    drift: str = ""


def overview(project: Project, stage: str, engine: Engine, sessions: Sessions) -> Overview:
    """Look at a stage; one that is broken must not hide the others.

    Raises:
        ProjectError: if the stage's file is wrong.
    """
    location = project.stage_config(stage).location
    try:
        state = load_stage_state(project, stage, engine, sessions)
        manifest = state.manifest()
        last = state.last_promotion()
    except RuntaskError as error:
        return Overview(
            stage=stage, account=location.account, region=location.region, drift=f"unknown: {error}"
        )
    return Overview(
        stage=stage,
        account=location.account,
        region=location.region,
        pinned=state.pinned,
        running=state.running,
        commit=manifest.commit if manifest else "",
        last_promotion=f"{last.time} from {last.source}" if last else "",
        drift=state.drift,
    )
