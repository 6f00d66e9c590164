"""The step of the rehearsal that runs `runtask verify` for a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.config import read_function_config
from infra.names import PROJECT
from rehearsal.checks import Check
from rehearsal.sample_account import CLUSTER, FAMILY, SERVICE, with_sample_account
from runtask.verification.canary import message_from_options
from runtask.verification.context import VerificationContext, prepare
from runtask.verification.finding import ProbeResult, Status
from runtask.verification.report import report
from runtask.verification.verify import verify

if TYPE_CHECKING:
    from infra.config import FunctionConfig
    from infra.names import Location
    from runtask.project import Project
    from runtask.promotion.promote import PromotionContext

# The end of waiting for an answer that never comes; a busy machine takes long to give one.
MAX_PROBE_SECONDS: Final = 60.0

# The embedded AWS has no rate to exceed, and delays the effect of tags by a number of calls.
_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class StageVerification:
    """What `runtask verify` found in a stage.

    Attributes:
        stage: The stage's name.
        results: The probes, in their order.
        report: The report, as `runtask verify --json` prints it.
    """

    stage: str
    results: list[ProbeResult]
    report: dict[str, Any]

    @property
    def check(self) -> Check:
        """The check that no probe failed, which names those that did."""
        failed = [one for one in self.results if one.finding.status is Status.FAIL]
        found = "; ".join(f"{one.name}: {one.finding.sentence.in_full()}" for one in failed)
        return Check(text=f"{self.stage}: no probe of runtask verify fails", found=found)


def verify_stage(stage: str, location: Location, context: PromotionContext) -> StageVerification:
    """Verify a stage of the rehearsal, with every question and a task of the sample account.

    Raises:
        RuntaskError: if the stage cannot be read.
    """
    config = _config(context.project, stage, location)
    verification = VerificationContext(
        project=context.project,
        config=config,
        engine=context.engine,
        sessions=context.sessions,
        say=context.say,
        confirm=context.confirm,
        canary=message_from_options(
            task_definition=FAMILY, cluster=CLUSTER, service=SERVICE, container="", command="true"
        ),
        probe_aws=True,
        timeout_seconds=MAX_PROBE_SECONDS,
        poll_seconds=_POLL_SECONDS,
    )
    results = verify(prepare(verification))
    return StageVerification(stage=stage, results=results, report=report(results, config))


def _config(project: Project, stage: str, location: Location) -> FunctionConfig:
    """Return a stage's configuration as the rehearsal deploys it."""
    values = with_sample_account(project.stack_config(stage), location)
    values[f"{PROJECT}:artifact"] = values.get(f"{PROJECT}:artifact") or "build"
    return read_function_config(stage, values.get)
