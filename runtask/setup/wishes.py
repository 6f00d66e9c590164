"""What the options of `runtask init` ask for, applied to the stages that there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from runtask.errors import UsageError
from runtask.setup.files import is_sample
from runtask.setup.stages import Setup, StagePlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The stages where there are none, in the order of promotion.
DEFAULT_STAGES: Final = ("dev", "prod")

# The fields of a stage that an option sets, and how the option is called.
SCALARS: Final[Mapping[str, str]] = {"account": "--account", "region": "--region"}
LISTS: Final[Mapping[str, str]] = {
    "clusters": "--cluster",
    "task_definitions": "--task-definition",
    "task_roles": "--task-role",
    "execution_roles": "--execution-role",
    "deploy_principals": "--deploy-principal",
}
OPTIONAL: Final = ("task_roles", "execution_roles")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        add: Stages to add, in the order of promotion.
        source: The stage that the first of them is promoted from; empty for the last one there is.
        values: Field to values, each `VALUE` for every stage or `STAGE=VALUE`.
    """

    add: tuple[str, ...]
    source: str = ""
    values: Mapping[str, tuple[str, ...]]

    def of(self, field: str, stage: str) -> tuple[str, ...]:
        """Return the values of a field for a stage: its own, or else those for every stage."""
        pairs = [value.partition("=") for value in self.values[field]]
        own = tuple(right for left, equals, right in pairs if equals and left == stage)
        return own or tuple(left for left, equals, _ in pairs if not equals)

    def named(self) -> dict[str, str]:
        """Return the stages that an option names, and that option."""
        options = {**SCALARS, **LISTS}
        return {
            value.partition("=")[0]: f"{options[field]} {value}"
            for field, values in self.values.items()
            for value in values
            if "=" in value
        }


def start(existing: Setup, wishes: Wishes) -> tuple[Setup, Setup]:
    """Return the stages before and after, as far as options say it.

    The sample files of a fresh clone count as none once an account is named.

    Args:
        existing: The stages that there are files of.
        wishes: What the command line asks for.

    Raises:
        UsageError: if an option names a stage that there will not be, or adds one that there is.
    """
    fresh = not existing.stages or (is_sample(existing) and bool(wishes.values["account"]))
    before = Setup() if fresh else existing
    names = [stage.name for stage in before.stages]
    added = wishes.add or (DEFAULT_STAGES if fresh else ())
    for name in added:
        if name in names:
            raise UsageError(f"--add-stage {name}: there is a Pulumi.{name}.yaml already")
    known = [*names, *added]
    for name, option in wishes.named().items():
        if name not in known:
            raise UsageError(f"{option}: there is no stage {name}; expected {', '.join(known)}")
    if wishes.source and wishes.source not in names:
        raise UsageError(
            f"--from {wishes.source}: there is no such stage; expected {', '.join(names)}"
        )
    model = before.stages[-1] if before.stages else StagePlan(name="")
    new = [
        # What the last stage may launch is the best guess for the next one; its account is not.
        replace(model, name=name, account="", bootstrap="", source="", deploy_principals=())
        for name in added
    ]
    stages: list[StagePlan] = []
    for stage in (*before.stages, *new):
        own = _without_account(stage) if stage in new else stage
        source = own.source
        if stage in new and stages:
            source = wishes.source if wishes.source and stage is new[0] else stages[-1].name
        stages.append(_wished(replace(own, source=source), wishes))
    return before, Setup(stages=tuple(stages))


def complete(setup: Setup, ask: Callable[[StagePlan, str], tuple[str, ...]]) -> Setup:
    """Return the stages with what is missing.

    Args:
        setup: The stages.
        ask: Returns the values of a field of a stage; raises if it cannot.
    """
    stages: list[StagePlan] = []
    for stage in setup.stages:
        done = stage
        for field in SCALARS:
            if not getattr(done, field):
                done = _with(done, field, ask(done, field)[0])
        shared = next((one for one in stages if one.location == done.location), None)
        for field in LISTS:
            if not getattr(done, field):
                # Stages of one account have one deploy role.
                known = getattr(shared, field) if shared and field == "deploy_principals" else ()
                done = _with(done, field, known or ask(done, field))
        stages.append(done)
    return Setup(stages=tuple(stages))


def _with(stage: StagePlan, field: str, value: str | tuple[str, ...]) -> StagePlan:
    """Return a stage with another value of a field."""
    values: dict[str, Any] = {field: value}
    return replace(stage, **values)


def _without_account(stage: StagePlan) -> StagePlan:
    """Return a stage whose roles are names, which exist in its account too if they are equal."""
    return replace(
        stage,
        task_roles=tuple(map(_role_name, stage.task_roles)),
        execution_roles=tuple(map(_role_name, stage.execution_roles)),
    )


def _role_name(role: str) -> str:
    return role.partition(":role/")[2] or role


def _wished(stage: StagePlan, wishes: Wishes) -> StagePlan:
    """Return a stage as the options want it."""
    for field in SCALARS:
        values = wishes.of(field, stage.name)
        if values and values[-1] != getattr(stage, field):
            moved = _moved(stage) if stage.account and stage.region else stage
            stage = _with(replace(moved, bootstrap=""), field, values[-1])
    for field in LISTS:
        values = wishes.of(field, stage.name)
        if values:
            stage = _with(stage, field, values)
    return stage


def _moved(stage: StagePlan) -> StagePlan:
    """Return a stage that goes to another account: its roles are of that account."""
    return replace(
        _without_account(stage),
        deploy_principals=tuple(map(_role_name, stage.deploy_principals)),
    )
