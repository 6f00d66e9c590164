"""What the probes work with: the stage, two sessions in its account, and the canary."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runtask.account import sign_in
from runtask.errors import RuntaskError
from runtask.promotion.state import load_stage_state
from runtask.verification import DEFAULT_TIMEOUT_SECONDS
from runtask.verification.canary import plan_canary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from function.clock import Clock
    from infra.config import FunctionConfig
    from runtask.account import AccountSession, Sessions
    from runtask.engine import Engine
    from runtask.messages import Message
    from runtask.project import Project
    from runtask.promotion.state import StageState
    from runtask.verification.canary import Canary, Delivery

# ListTasks and DescribeTasks may be called 20 times a second in an account.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
DEFAULT_POLL_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class VerificationContext:
    """What a verification is asked to do, and with what.

    Attributes:
        project: The Pulumi files.
        config: The stage's configuration.
        engine: Knows the outputs of the stacks.
        sessions: The operator's credentials.
        say: Shows the operator what is being done.
        confirm: Asks the operator a question; returns whether the answer was yes.
        canary: The message whose task is followed to its exit; None to start no task.
        probe_aws: Whether to ask the open questions about AWS too.
        timeout_seconds: The longest that one probe waits.
        poll_seconds: The pause between two looks at something that is waited for.
        clock: The time to wait by.
    """

    project: Project
    config: FunctionConfig
    engine: Engine
    sessions: Sessions
    say: Callable[[str], None]
    confirm: Callable[[str], bool]
    canary: Message | None = None
    probe_aws: bool = False
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    poll_seconds: float = DEFAULT_POLL_SECONDS
    clock: Clock = time

    def wait_for(self, condition: Callable[[], bool], timeout_seconds: float | None = None) -> bool:
        """Wait until a condition holds, and return whether it does.

        Args:
            condition: Looked at once per `poll_seconds`.
            timeout_seconds: The longest to wait; None for the context's own timeout.
        """
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = self.clock.monotonic() + limit
        while not condition():
            if self.clock.monotonic() >= deadline:
                return False
            self.clock.sleep(self.poll_seconds)
        return True


@dataclass(kw_only=True)
class Verification:
    """A verification under way.

    Attributes:
        context: What it was asked to do.
        operator: A session as the operator, which sends, watches and asks.
        state: The stage as its deploy role sees it.
        outputs: What the stage's stack exports.
        deploy_role_arn: What the bootstrap stack exports as the deploy role.
        canary: What is to be launched; None to start no task.
        delivery: The canary's two copies, once they were sent.
        launched: Whether the canary's task was started.
        cleanup: What has to be undone when the verification ends, in whatever way.
    """

    context: VerificationContext
    operator: AccountSession
    state: StageState
    outputs: Mapping[str, Any]
    deploy_role_arn: str
    canary: Canary | None
    delivery: Delivery | None = None
    launched: bool = False
    cleanup: ExitStack = field(default_factory=ExitStack)

    @property
    def config(self) -> FunctionConfig:
        """The stage's configuration."""
        return self.context.config


def prepare(context: VerificationContext) -> Verification:
    """Sign in and read the stage. Nothing is sent or changed.

    Raises:
        AccountError: if the operator cannot sign in, or cannot assume the deploy role.
        UsageError: if the handler would reject the canary.
        RuntaskError: if the stage was never deployed, or AWS rejects a request.
    """
    config = context.config
    operator = sign_in(config, context.sessions)
    outputs = context.engine.outputs(config.stage)
    if not outputs:
        raise RuntaskError(
            f"stack {config.stage} was never deployed; deploy it first: pulumi up -s {config.stage}"
        )
    state = load_stage_state(context.project, config.stage, context.engine, context.sessions)
    canary = (
        plan_canary(context.canary, config, context.sessions, operator) if context.canary else None
    )
    return Verification(
        context=context,
        operator=operator,
        state=state,
        outputs=outputs,
        deploy_role_arn=context.engine.outputs(config.bootstrap).get("deployRoleArn", ""),
        canary=canary,
    )
