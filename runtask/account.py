"""The way into a stage's account: credentials, then a session, then its checked identity."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ProfileNotFound,
)

from runtask.errors import AccountError
from runtask.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_sts.type_defs import AssumeRoleRequestTypeDef, CredentialsTypeDef

    from infra.config import FunctionConfig
    from infra.names import Location

# The name in CloudTrail of a role session that a stack's file gives none.
SESSION_NAME: Final = "runtask"


class Sessions(Protocol):
    """Makes sessions: with AWS for an operator, with the embedded AWS for the rehearsal."""

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return a session with the operator's own credentials.

        Args:
            stage: The stage to work on.
            location: The stage's account and region.
        """

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session with the credentials of an assumed role.

        Args:
            location: The stage's account and region.
            keys: What STS returned for the role.
        """


@dataclass(frozen=True, kw_only=True)
class ProfileSessions:
    """Sessions with the AWS profiles or the shell's credentials of an operator.

    Attributes:
        profiles: The profiles given on the command line.
    """

    profiles: Profiles = field(default_factory=Profiles)

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return a session with the stage's profile, or with the credentials of the shell."""
        profile = self.profiles.profile(stage)
        try:
            # The profile can name another region; a stage has exactly one.
            session = boto3.Session(profile_name=profile, region_name=location.region)
        except ProfileNotFound as error:
            raise _no_credentials(stage, location, error) from None
        if session.get_credentials() is None:
            raise _no_credentials(stage, location, NoCredentialsError())
        return session

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session with the credentials of an assumed role."""
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=location.region,
        )


@dataclass(frozen=True, kw_only=True)
class AccountSession:
    """A session that is known to be in the stage's account.

    Attributes:
        config: The stage's configuration.
        session: In the stage's region.
        identity: The ARN of the session's principal.
    """

    config: FunctionConfig
    session: boto3.Session
    identity: str

    @property
    def location(self) -> Location:
        """The stage's account and region."""
        return self.config.location

    def __str__(self) -> str:
        """Name stage, account and region, for a message."""
        return f"{_stage(self.config)}, region {self.location.region}"


class DeployRoleSession(AccountSession):
    """A session as the role that the stage's stack is deployed with."""


class ReadRoleSession(AccountSession):
    """A session as the role that reads what the account's stages run, and changes nothing."""


def sign_in(config: FunctionConfig, sessions: Sessions) -> AccountSession:
    """Return a session in the stage's account as the operator.

    Args:
        config: The stage's configuration.
        sessions: Makes the session.

    Raises:
        AccountError: if the credentials are missing, invalid or of another account.
    """
    try:
        session = sessions.own(config.stage, config.location)
        identity = _checked_identity(session, config)
    except (BotoCoreError, ClientError) as error:
        raise _no_credentials(config.stage, config.location, error) from None
    return AccountSession(config=config, session=session, identity=identity)


def assume_deploy_role(
    config: FunctionConfig, values: Mapping[str, str], sessions: Sessions
) -> DeployRoleSession:
    """Return a session as the role that the stage's stack is deployed with.

    Args:
        config: The stage's configuration.
        values: The same as `Project.stack_config` returns it. The roles in `aws:assumeRoles` are
            assumed one after the other; without any, the operator deploys.
        sessions: Makes the sessions.

    Raises:
        AccountError: if a role cannot be assumed, or the credentials are missing, invalid or of
            another account.
    """
    found = _through(roles_to_assume(values), config, sessions, "deploy")
    return DeployRoleSession(config=config, session=found.session, identity=found.identity)


def assume_read_role(
    config: FunctionConfig, values: Mapping[str, str], sessions: Sessions
) -> ReadRoleSession:
    """Return a session as the read role of the stage's account.

    Args:
        config: The stage's configuration.
        values: The same as `Project.stack_config` returns it. The roles in `aws:assumeRoles` are
            assumed one after the other, with the read role in place of the deploy role. A role of
            the operator's own that stands there deploys and reads.
        sessions: Makes the sessions.

    Raises:
        AccountError: if a role cannot be assumed, or the credentials are missing, invalid or of
            another account.
    """
    location = config.location
    roles = [
        {**role, "roleArn": location.read_role_arn}
        if role["roleArn"] == location.deploy_role_arn
        else role
        for role in roles_to_assume(values)
    ]
    found = _through(roles, config, sessions, "read")
    return ReadRoleSession(config=config, session=found.session, identity=found.identity)


def roles_to_assume(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the items of `aws:assumeRoles` of a stack's configuration."""
    roles: list[dict[str, str]] = json.loads(values.get("aws:assumeRoles", "[]"))
    return roles


def _through(
    roles: Sequence[Mapping[str, str]], config: FunctionConfig, sessions: Sessions, name: str
) -> AccountSession:
    """Return a session as the last of several roles, or as the operator where there are none.

    Args:
        roles: Items of `aws:assumeRoles`.
        config: The stage's configuration.
        sessions: Makes the sessions.
        name: What the last role is called in an error.
    """
    if not roles:
        return sign_in(config, sessions)
    location = config.location
    try:
        session = sessions.own(config.stage, location)
        for role in roles:
            session = sessions.assumed(location, assume_role(session, role))
        identity = _checked_identity(session, config)
    except (BotoCoreError, ClientError) as error:
        raise AccountError(
            f"cannot assume the {name} role of {_stage(config)} "
            f"(aws:assumeRoles in Pulumi.{config.stage}.yaml): {error}; sign in as one of its "
            f"{name}Principals, or create the role as administrator: pulumi up -s "
            f"{config.bootstrap}"
        ) from None
    return AccountSession(config=config, session=session, identity=identity)


def assume_role(
    session: boto3.Session,
    role: Mapping[str, str],
    default_session_name: str = SESSION_NAME,
    *,
    session_policy: str = "",
) -> CredentialsTypeDef:
    """Return the credentials of a role.

    Args:
        session: The session that may assume it.
        role: An item of `aws:assumeRoles`: `roleArn`, and possibly `externalId`, `sessionName`.
        default_session_name: The session's name where the item has none.
        session_policy: A policy that limits the session further; empty for none.

    Raises:
        ClientError: if STS rejects the request.
        BotoCoreError: if it cannot be sent.
    """
    request: AssumeRoleRequestTypeDef = {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName") or default_session_name,
    }
    if role.get("externalId"):
        request["ExternalId"] = role["externalId"]
    if session_policy:
        request["Policy"] = session_policy
    return session.client("sts").assume_role(**request)["Credentials"]


def _checked_identity(session: boto3.Session, config: FunctionConfig) -> str:
    """Return the ARN of a session's principal.

    Raises:
        AccountError: if it is in another account than the stage.
    """
    identity = session.client("sts").get_caller_identity()
    account = config.location.account
    if identity["Account"] != account:
        raise AccountError(
            f"stage {config.stage} is in account {account}, and the credentials are of account "
            f"{identity['Account']} ({identity['Arn']}); nothing was changed; name a profile of "
            f"account {account} with --profile {config.stage}=PROFILE"
        )
    return identity["Arn"]


def _no_credentials(stage: str, location: Location, error: Exception) -> AccountError:
    return AccountError(
        f"no valid credentials for stage {stage} in account {location.account}: {error}; sign in "
        f"(aws sso login), and name the profile with --profile {stage}=PROFILE or AWS_PROFILE"
    )


def _stage(config: FunctionConfig) -> str:
    return f"stage {config.stage} in account {config.location.account}"
