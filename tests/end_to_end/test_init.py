"""The files that `runtask init` writes are deployed as they are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from rehearsal.checks import no_drift
from rehearsal.emulator import Emulator
from rehearsal.engine import EmulatorSessions, InProcessEngine
from rehearsal.sample_account import SampleAccount
from runtask.cli import cli
from runtask.project import load_project
from runtask.promotion.promote import Outcome, PromotionContext, plan_promotion, promote
from runtask.promotion.rebuild import Checkout
from runtask.promotion.state import load_stage_state

ROOT: Final = Path(__file__).resolve().parents[2]
DEV, PROD = "123456789012", "210987654321"


def test_every_stack_is_deployed_and_promoted_without_an_edit(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    options = {
        "--account": (f"dev={DEV}", f"prod={PROD}"),
        # The rehearsal works as the root user of each account.
        "--deploy-principal": (f"dev={DEV}", f"prod={PROD}"),
        "--region": ("eu-central-1",),
        "--cluster": ("batch",),
        "--task-definition": ("report",),
        "--task-role": ("report-task",),
        "--execution-role": ("report-execution",),
    }
    arguments = [word for name, values in options.items() for one in values for word in (name, one)]
    done = CliRunner().invoke(cli, ["init", *arguments, "--yes", "--project", str(tmp_path)])
    assert done.exit_code == 0, done.output

    with Emulator.start() as emulator:
        project = load_project(tmp_path)
        engine = InProcessEngine(project=project, emulator=emulator)
        sessions = EmulatorSessions(emulator=emulator)
        context = PromotionContext(
            project=project,
            engine=engine,
            sessions=sessions,
            rebuilder=Checkout(folder=ROOT),
            say=lambda _text: None,
            confirm=lambda _question: True,
        )
        for stage in ("dev", "prod"):
            engine.up(f"{stage}-bootstrap")
            location = project.stage_config(stage).location
            SampleAccount(emulator=emulator, location=location).create()
        engine.up("dev")
        plan = plan_promotion("dev", "prod", context, allow_dirty=True)
        assert promote(plan, context) is Outcome.DEPLOYED
        for stage in ("dev", "prod"):
            state = load_stage_state(project, stage, engine, sessions)
            assert no_drift(stage, state.drift).passed
            engine.expect_no_changes(stage)
