"""A bootstrap stack's configuration: a frozen model, checked before any resource is made.

An option of Pulumi.yaml in camel case is an attribute of the same name in snake case.
docs/configuration.md describes them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from infra import limits
from infra.config import CLUSTER, EXPECTED_CLUSTER
from infra.config_reader import EXPECTED_ROLE_ARN, ROLE_ARN, Getter, Reader, is_principal
from infra.names import PROJECT, Location

_ARTIFACT_SOURCE: Final = re.compile(r"\d{12}(/[a-z]{2,}(-[a-z]+)+-\d+)?")
_REPOSITORY: Final = re.compile(
    r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|[A-Za-z0-9_.-]+@\d+/[A-Za-z0-9_.-]+@\d+"
)
# Prints a repository as the subject of its tokens names it, with both ids.
_REPOSITORY_WITH_IDS: Final = (
    "gh api repos/OWNER/NAME --jq "
    r"""'"\(.owner.login)@\(.owner.id)/\(.name)@\(.id)"'"""
)
_SUBJECT: Final = re.compile(r"(ref:refs/(heads|tags)/|environment:)[^*?\s]+")
_OIDC_PROVIDER: Final = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com"
)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class GithubTrust:
    """The workflows that may assume a role by OIDC: the options `github...`."""

    repositories: tuple[str, ...]
    subjects: tuple[str, ...]
    read_subjects: tuple[str, ...]
    provider_arn: str


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Who may assume a role of the bootstrap stack.

    Attributes:
        principals: Account ids, or ARNs of roles or users.
        repositories: GitHub repositories.
        subjects: Branches, tags or environments of the repositories.
    """

    principals: tuple[str, ...]
    repositories: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BootstrapConfig:
    """Configuration of an account's bootstrap stack.

    Attributes:
        location: The account and region.
        github: The options `github...`; None without a repository.
    """

    location: Location
    protect: bool
    deploy_principals: tuple[str, ...]
    deploy_external_id: str
    read_principals: tuple[str, ...]
    github: GithubTrust | None
    artifact_readers: tuple[str, ...]
    artifact_sources: tuple[str, ...]
    artifact_retention_days: int
    access_log_retention_days: int
    boundary_roles: tuple[str, ...]
    boundary_clusters: tuple[str, ...]
    allow_notify_emails: bool

    @property
    def deployers(self) -> Callers:
        """Who may assume the deploy role."""
        return Callers(
            principals=self.deploy_principals,
            repositories=self.github.repositories if self.github else (),
            subjects=self.github.subjects if self.github else (),
        )

    @property
    def readers(self) -> Callers:
        """Who may assume the read role: the deployers can as well."""
        deployers = self.deployers
        read_subjects = self.github.read_subjects if self.github else ()
        return Callers(
            principals=tuple(dict.fromkeys((*deployers.principals, *self.read_principals))),
            repositories=deployers.repositories,
            subjects=tuple(dict.fromkeys((*deployers.subjects, *read_subjects))),
        )

    @property
    def artifact_source_locations(self) -> tuple[Location, ...]:
        """Where artifacts may be promoted from; without a region, it is this stack's."""
        return tuple(
            Location(
                account=account,
                region=region or self.location.region,
                partition=self.location.partition,
            )
            for account, _, region in (source.partition("/") for source in self.artifact_sources)
        )

    @property
    def boundary_cluster_arns(self) -> tuple[str, ...]:
        """The clusters that stages may name, as ARN patterns."""
        return tuple(self.location.cluster_arn(cluster) for cluster in self.boundary_clusters)


def read_bootstrap_config(stack: str, get: Getter) -> BootstrapConfig:
    """Read a bootstrap stack's configuration.

    Args:
        stack: The stack's name, `<name>-bootstrap`.
        get: Returns a value as the engine hands it over: `namespace:key` to text, lists as JSON.

    Raises:
        ConfigError: if anything is wrong; the text names every key, what was found and the fix.
    """
    reader = Reader(stack, get)
    config = bootstrap_options(reader)
    reader.done()
    return config


def bootstrap_options(reader: Reader) -> BootstrapConfig:
    """Read every option of a bootstrap stack; the reader collects the problems."""
    github = _github_options(reader)
    return BootstrapConfig(
        location=reader.location(),
        protect=reader.boolean("protect"),
        deploy_principals=reader.strings(
            "deployPrincipals",
            is_principal,
            "an account id, or the ARN of a role or user",
            # GitHub workflows can be the only deployers.
            example="" if github else "arn:aws:iam::111111111111:role/administrator",
        ),
        deploy_external_id=reader.text(
            "deployExternalId", _EXTERNAL_ID.fullmatch, "2 to 1224 letters, digits or +=,.@:/-_"
        ),
        read_principals=reader.strings(
            "readPrincipals", is_principal, "an account id, or the ARN of a role or user"
        ),
        github=github,
        artifact_readers=reader.strings(
            "artifactReaders",
            ROLE_ARN.fullmatch,
            EXPECTED_ROLE_ARN,
        ),
        artifact_sources=reader.strings(
            "artifactSources",
            _ARTIFACT_SOURCE.fullmatch,
            "an account id of twelve digits in quotes, or account/region where the region differs",
        ),
        artifact_retention_days=reader.integer(
            "artifactRetentionDays", limits.ARTIFACT_RETENTION_DAYS, "days"
        ),
        access_log_retention_days=reader.integer(
            "accessLogRetentionDays", limits.ACCESS_LOG_RETENTION_DAYS, "days"
        ),
        boundary_roles=reader.strings(
            "boundaryRoles",
            ROLE_ARN.fullmatch,
            EXPECTED_ROLE_ARN,
            example="arn:aws:iam::111111111111:role/report-*",
        ),
        boundary_clusters=reader.strings(
            "boundaryClusters",
            CLUSTER.fullmatch,
            EXPECTED_CLUSTER,
            example="batch",
        ),
        allow_notify_emails=reader.boolean("allowNotifyEmails"),
    )


def _github_options(reader: Reader) -> GithubTrust | None:
    repositories = reader.strings(
        "githubRepositories",
        _REPOSITORY.fullmatch,
        "owner/name, or owner@id/name@id as GitHub sends it for new and renamed repositories; to "
        f"get the ids, run: {_REPOSITORY_WITH_IDS}",
    )
    github = GithubTrust(
        repositories=repositories,
        subjects=reader.strings(
            "githubSubjects",
            _SUBJECT.fullmatch,
            "ref:refs/heads/<branch>, ref:refs/tags/<tag> or environment:<name>",
            example="environment:prod" if repositories else "",
        ),
        read_subjects=reader.strings(
            "githubReadSubjects",
            _SUBJECT.fullmatch,
            "ref:refs/heads/<branch>, ref:refs/tags/<tag> or environment:<name>",
        ),
        provider_arn=reader.text(
            "githubProviderArn",
            _OIDC_PROVIDER.fullmatch,
            "arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com",
        ),
    )
    if github.read_subjects and not repositories:
        reader.problem(
            f"{PROJECT}:githubRepositories",
            f"is missing with {PROJECT}:githubReadSubjects",
            reader.set_command(f"{PROJECT}:githubRepositories[0]", "OWNER/NAME"),
        )
    return github if repositories else None
