"""Gets into a stage's account as its deploy role, and makes sure that it is the right account."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from runtask.errors import AccountError
from runtask.stages import checked_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sts.type_defs import AssumeRoleRequestTypeDef, CredentialsTypeDef

    from infra.config import FunctionConfig
    from infra.names import Location

SESSION_NAME = "runtask-promote"


class Sessions(Protocol):
    """Makes sessions: with AWS for an operator, with the embedded AWS for the rehearsal."""

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return the operator's own credentials, to get into a stage's account with."""

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session with the keys of a role that was assumed."""


@dataclass(frozen=True, kw_only=True)
class ProfileSessions:
    """Sessions with the credentials that the shell holds.

    Attributes:
        profiles: The AWS profile to use for a stage, where it is not the shell's.
    """

    profiles: Mapping[str, str] = field(default_factory=dict)

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return a session with the credentials of the stage's profile, or of the shell."""
        return boto3.Session(profile_name=self.profiles.get(stage), region_name=location.region)

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session with the keys of a role that was assumed."""
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=location.region,
        )


@dataclass(frozen=True, kw_only=True)
class DeployRoleSession:
    """A session as the role that deploys a stage."""

    config: FunctionConfig
    session: boto3.Session
    identity: str

    @property
    def location(self) -> Location:
        """The stage's account and region."""
        return self.config.location

    def __str__(self) -> str:
        """Name stage, account and region, for a message."""
        location = self.location
        return f"stage {self.config.stage} (account {location.account}, region {location.region})"


def assume_deploy_role(
    config: FunctionConfig, values: Mapping[str, str], sessions: Sessions
) -> DeployRoleSession:
    """Return a session as the role that the stage's stack is deployed with.

    Args:
        config: The stage's configuration.
        values: The same as the engine hands it over; `aws:assumeRoles` is read.
        sessions: The operator's own credentials.

    Raises:
        AccountError: if the role cannot be assumed, or is of another account.
    """
    location = config.location
    try:
        session = sessions.own(config.stage, location)
        for role in json.loads(values.get("aws:assumeRoles", "[]")):
            session = sessions.assumed(location, assume_role(session, role))
        identity = checked_identity(session, config)
    except (BotoCoreError, ClientError) as error:
        raise AccountError(
            f"nobody gets into account {location.account} of stage {config.stage} "
            f"(aws:assumeRoles in Pulumi.{config.stage}.yaml): {error}; sign in as one of its "
            f"deployPrincipals, or run: pulumi up -s {config.bootstrap}"
        ) from None
    return DeployRoleSession(config=config, session=session, identity=identity)


def assume_role(session: boto3.Session, role: Mapping[str, str]) -> CredentialsTypeDef:
    """Return the temporary credentials of a role.

    Args:
        session: The caller.
        role: One entry of `aws:assumeRoles`.

    Raises:
        ClientError: if the caller may not assume the role.
    """
    request: AssumeRoleRequestTypeDef = {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName", SESSION_NAME),
    }
    if role.get("externalId"):
        request["ExternalId"] = role["externalId"]
    return session.client("sts").assume_role(**request)["Credentials"]
