"""The stages of a project as `runtask init` knows them, and the files that they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.config import BUILD
from infra.names import BOOTSTRAP_SUFFIX, PREFIX, PROJECT, Location
from infra.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# `namespace:key` to value, of one stack.
Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """A stage, as far as `runtask init` decides about it.

    Attributes:
        name: The stage's name.
        account: The id of its account.
        region: Its region.
        source: The stage that it is promoted from; empty for a stage that builds.
        bootstrap: Its bootstrap stack, if its file names one; empty for the usual name.
        clusters: Names, patterns or ARNs.
        task_definitions: Families, patterns or ARNs.
        task_roles: Names or ARNs of roles.
        execution_roles: Names or ARNs of roles.
        deploy_principals: Names of roles, or principals, that may deploy to the account.
    """

    name: str
    account: str = ""
    region: str = ""
    source: str = ""
    bootstrap: str = ""
    clusters: tuple[str, ...] = ()
    task_definitions: tuple[str, ...] = ()
    task_roles: tuple[str, ...] = ()
    execution_roles: tuple[str, ...] = ()
    deploy_principals: tuple[str, ...] = ()

    @property
    def location(self) -> Location:
        """Account and region."""
        partition = partition_of(self.region) or "aws"
        return Location(account=self.account, region=self.region, partition=partition)

    def role_arns(self, roles: Sequence[str]) -> list[str]:
        """Return the ARNs of roles of the stage's account that are given by name or ARN."""
        return [
            role if role.startswith("arn:") else self.location.iam_arn(f"role/{role}")
            for role in roles
        ]

    def principals(self) -> list[str]:
        """Return who may deploy: a bare word is the name of a role."""
        return [
            one if one.startswith("arn:") or one.isdigit() else self.location.iam_arn(f"role/{one}")
            for one in self.deploy_principals
        ]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """All stages of a project.

    Attributes:
        stages: Each after the one that it is promoted from.
    """

    stages: tuple[StagePlan, ...] = field(default_factory=tuple)

    def stage(self, name: str) -> StagePlan:
        """Return a stage by its name."""
        return next(one for one in self.stages if one.name == name)

    def bootstrap_of(self, stage: StagePlan) -> str:
        """Return the bootstrap stack of a stage: the one of the first stage of its location."""
        if stage.bootstrap:
            return stage.bootstrap
        first = next(one for one in self.stages if one.location == stage.location)
        return first.bootstrap or f"{first.name}{BOOTSTRAP_SUFFIX}"

    def stacks(self) -> dict[str, Values]:
        """Return the configuration of every stack, bootstrap stacks first."""
        bootstraps: dict[str, list[StagePlan]] = {}
        for stage in self.stages:
            bootstraps.setdefault(self.bootstrap_of(stage), []).append(stage)
        found = {stack: self._bootstrap(stages) for stack, stages in bootstraps.items()}
        return found | {stage.name: self._function(stage) for stage in self.stages}

    def _bootstrap(self, stages: Sequence[StagePlan]) -> Values:
        location = stages[0].location
        roles = [stage.role_arns((*stage.task_roles, *stage.execution_roles)) for stage in stages]
        return _provider(location, {}) | {
            f"{PROJECT}:deployPrincipals": _unique(one.principals() for one in stages),
            f"{PROJECT}:artifactReaders": _unique([self._readers(location)]),
            f"{PROJECT}:artifactSources": _unique(map(self._sources, stages)),
            f"{PROJECT}:boundaryRoles": _unique(roles),
            f"{PROJECT}:boundaryClusters": _unique(list(one.clusters) for one in stages),
        }

    def _function(self, stage: StagePlan) -> Values:
        values = _provider(stage.location, {"stage": stage.name})
        values["aws:assumeRoles"] = [{"roleArn": stage.location.deploy_role_arn}]
        bootstrap = self.bootstrap_of(stage)
        if bootstrap != f"{stage.name}{BOOTSTRAP_SUFFIX}":
            values[f"{PROJECT}:bootstrap"] = bootstrap
        if not stage.source:
            values[f"{PROJECT}:artifact"] = BUILD
        return values | {
            f"{PROJECT}:clusters": list(stage.clusters),
            f"{PROJECT}:taskDefinitions": list(stage.task_definitions),
            f"{PROJECT}:taskRoles": stage.role_arns(stage.task_roles),
            f"{PROJECT}:executionRoles": stage.role_arns(stage.execution_roles),
        }

    def _readers(self, location: Location) -> list[str]:
        """Return the deploy roles of other accounts that artifacts are promoted to from here."""
        return [
            f"arn:{target.location.partition}:iam::{target.account}:role/{PREFIX}deploy-*"
            for target in self.stages
            if target.source
            and self.stage(target.source).location == location
            and target.account != location.account
        ]

    def _sources(self, stage: StagePlan) -> list[str]:
        """Return where artifacts are promoted from to a stage, unless it is its own location."""
        if not stage.source:
            return []
        source = self.stage(stage.source)
        if source.location == stage.location:
            return []
        same_region = source.region == stage.region
        return [source.account if same_region else f"{source.account}/{source.region}"]


_APPLICATION: Final = {"application": PROJECT}


def _provider(location: Location, tags: dict[str, str]) -> Values:
    return {
        "aws:region": location.region,
        "aws:allowedAccountIds": [location.account],
        "aws:defaultTags": {"tags": {**_APPLICATION, **tags}},
    }


def _unique(lists: Iterator[list[str]] | Sequence[list[str]] | map[list[str]]) -> list[str]:
    return list(dict.fromkeys(item for items in lists for item in items))
