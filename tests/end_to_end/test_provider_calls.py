"""The table of the provider's calls is what the engine makes of the product's own stacks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

from rehearsal.engine import (
    API_NAMES,
    PROVIDER_CALLS,
    RESOURCE_TYPES,
    InProcessEngine,
)
from rehearsal.sample_account import SampleAccount, with_sample_account, with_sample_limits
from runtask.project import load_project
from tests.end_to_end.accounts import ROOT
from tests.end_to_end.call_recorder import RecordedEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator import Call

STAGE: Final = "dev"
STACKS: Final = (f"{STAGE}-bootstrap", STAGE)

# Actions that are asked for by another call, as the emulator names that call.
IMPLIED: Final = frozenset(
    {
        "cloudwatch:TagResource",
        "dynamodb:TagResource",
        "events:TagResource",
        "iam:PassRole",
        "iam:TagPolicy",
        "iam:TagRole",
        "kms:CreateGrant",
        "kms:Encrypt",
        "kms:TagResource",
        "lambda:TagResource",
        "logs:TagResource",
        "s3:PutObjectTagging",
        "sns:TagResource",
        "sqs:TagQueue",
    }
)


# What IAM calls a service whose endpoint has another name.
SERVICES: Final = {"monitoring": "cloudwatch"}


class Recorded:
    """The product's stacks of one stage, and the calls that each deployment made."""

    def __init__(self, emulator: RecordedEmulator) -> None:
        folder = emulator.folder / "project"
        folder.mkdir()
        for path in ROOT.glob("Pulumi*.yaml"):
            shutil.copy(path, folder)
        self.emulator, self.project = emulator, load_project(folder)
        location = self.project.stage_config(STAGE).location
        self.engine = InProcessEngine(
            project=self.project,
            emulator=emulator,
            adapt=lambda stack, config: (
                {**with_sample_account(config, location), "ecs-run-task:results": "bus"}
                if stack == STAGE
                else with_sample_limits(config, location)
            ),
        )
        self.account = SampleAccount(emulator=emulator, location=location)

    def up(self, stack: str) -> list[Call]:
        since = len(self.emulator.calls())
        self.engine.up(stack)
        return self.emulator.new_calls(since)

    def types(self, stack: str) -> set[str]:
        resources = self.engine.state.resources(f"{self.project.name}/{stack}")
        return {resource.type for resource in resources}


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    with RecordedEmulator.start() as emulator:
        yield Recorded(emulator)


def names(calls: list[Call]) -> set[str]:
    """Return the calls as the table names them; buckets are the administrator's."""
    renamed = {f"s3:{api}": action for action, api in API_NAMES.items()}
    found = (
        f"{SERVICES.get(call.service, call.service)}:{call.action}"
        for call in calls
        if call.service != "s3"
    )
    return {renamed.get(name, name) for name in found}


def test_every_type_of_the_engine_is_in_the_table() -> None:
    assert RESOURCE_TYPES.keys() <= PROVIDER_CALLS.keys()


def test_the_engine_makes_the_calls_of_the_table_and_a_second_time_none(recorded: Recorded) -> None:
    for stack in STACKS:
        calls = recorded.up(stack)
        if stack == STACKS[0]:
            recorded.account.create()
        types = recorded.types(stack)
        allowed = {
            action
            for token in types
            for action in (*PROVIDER_CALLS[token].create, *PROVIDER_CALLS[token].read)
        }
        wanted = {action for action in allowed if not action.startswith("s3:")}
        # A topic is created with all its attributes; an action that another call asks for is none.
        assert wanted - names(calls) <= IMPLIED
        assert names(calls) <= allowed
        assert recorded.up(stack) == []
    destroying_makes_the_calls_of_the_table(recorded)


def destroying_makes_the_calls_of_the_table(recorded: Recorded) -> None:
    unprotect(recorded, STAGE)
    types = recorded.types(STAGE)
    since = len(recorded.emulator.calls())
    recorded.engine.destroy(STAGE)

    allowed = {action for token in types for action in PROVIDER_CALLS[token].delete}
    made = names(recorded.emulator.new_calls(since))
    assert {action for action in made ^ allowed if not action.startswith("s3:")} == set()
    assert made <= allowed


def unprotect(recorded: Recorded, stack: str) -> None:
    if recorded.engine.protects(stack):
        path = recorded.project.stack_file(stack)
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}  ecs-run-task:protect: false\n", encoding="utf-8")
        recorded.engine.up(stack)
