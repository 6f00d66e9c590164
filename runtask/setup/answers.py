"""What is asked at the terminal, with what the account has as the offer."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import boto3
import click
from botocore.exceptions import BotoCoreError

from infra.names import PROJECT
from runtask import console
from runtask.errors import UsageError
from runtask.setup.discovery import Found, discover, roles_of
from runtask.setup.wishes import LISTS, OPTIONAL, SCALARS

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.setup.stages import StagePlan

_QUESTIONS: Final = {
    "account": "id of its account",
    "region": "region",
    "clusters": "clusters that messages may name",
    "task_definitions": "task definitions that messages may name",
    "task_roles": "their task roles",
    "execution_roles": "their execution roles",
    "deploy_principals": "roles that may deploy",
}

_DEFAULT_REGION: Final = "eu-central-1"


@dataclass(kw_only=True)
class Answers:
    """Gives what no option gives.

    Attributes:
        profiles: The AWS profiles of the command line.
        terminal: Whether there is somebody to ask.
        discovers: Whether an account is asked what it has.
    """

    profiles: Profiles
    terminal: bool
    discovers: bool
    _found: dict[tuple[str, str], Found] = field(default_factory=dict)

    def ask(self, stage: StagePlan, name: str) -> tuple[str, ...]:
        """Return the values of a field of a stage.

        Raises:
            UsageError: if there is no terminal to ask at, and nothing was found.
        """
        offer = self._offer(stage, name)
        if not self.terminal:
            if offer or name in OPTIONAL:
                return offer
            option = {**SCALARS, **LISTS}[name]
            raise UsageError(
                f"{option} is missing for stage {stage.name}, and there is no terminal to ask at; "
                f"pass {option} {stage.name}=..."
            )
        values: tuple[str, ...] = ()
        while not values:
            text = click.prompt(
                f"stage {stage.name}: {_QUESTIONS[name]}",
                default=" ".join(offer) if offer or name in OPTIONAL else None,
                err=True,
            )
            values = tuple(text.replace(",", " ").split())
            if not values and name in OPTIONAL:
                break
        return values

    def _offer(self, stage: StagePlan, name: str) -> tuple[str, ...]:
        if name == "region":
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            known = region or (_DEFAULT_REGION if self.terminal else "")
            return (known,) if known else ()
        if not self.discovers:
            return ()
        session = self._session(stage)
        if session is None:
            return ()
        found = self._discovered(session, stage)
        # What the kit made itself is nothing to launch or to deploy with.
        if name in OPTIONAL:
            roles = roles_of(session, stage.task_definitions) if found.account else ((), ())
            return roles[OPTIONAL.index(name)]
        offers = {
            "account": (found.account,) if found.account else (),
            "clusters": found.clusters,
            "task_definitions": found.families,
            "deploy_principals": (found.identity,) if found.identity else (),
        }
        return tuple(value for value in offers[name] if not value.startswith(f"{PROJECT}-"))

    def _session(self, stage: StagePlan) -> boto3.Session | None:
        profile = self.profiles.profile(stage.name)
        try:
            return boto3.Session(profile_name=profile, region_name=stage.region or _DEFAULT_REGION)
        except BotoCoreError as error:
            console.progress(f"stage {stage.name}: {error}")
            return None

    def _discovered(self, session: boto3.Session, stage: StagePlan) -> Found:
        key = (stage.name, stage.account)
        if key not in self._found:
            found = discover(session, stage.account)
            self._found[key] = found
            if found.problem:
                console.progress(f"stage {stage.name}: nothing is offered: {found.problem}")
        return self._found[key]
