"""The AWS provider of a run: account, credentials, region and default tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.emulator import Credentials, Emulator
from rehearsal.engine.errors import EngineError
from runtask.account import assume_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sts.type_defs import CredentialsTypeDef


class ProviderConfig:
    """The configuration of the AWS provider in a stack; no call is made.

    Args:
        config: The stack's configuration, with its `aws:` keys.

    Attributes:
        region: The region.
        tags: The default tags.
        allowed: The accounts that the stack may touch.

    Raises:
        EngineError: if a key is missing.
    """

    def __init__(self, config: Mapping[str, str]) -> None:
        self.region = config.get("aws:region", "")
        if not self.region:
            raise EngineError("aws:region is missing in the stack's configuration")
        self.tags: dict[str, str] = json.loads(config.get("aws:defaultTags", "{}")).get("tags", {})
        self.allowed = [
            str(account) for account in json.loads(config.get("aws:allowedAccountIds", "[]"))
        ]
        if not self.allowed:
            raise EngineError("aws:allowedAccountIds is missing in the stack's configuration")


class Provider(ProviderConfig):
    """The AWS provider as a stack's configuration describes it.

    Starts as the root user of the first allowed account, assumes the roles and verifies the
    account.

    Args:
        emulator: The embedded AWS in which resources are created.
        config: The stack's configuration, with its `aws:` keys.

    Attributes:
        account: The account.

    Raises:
        EngineError: if a key is missing, a role cannot be assumed, or the account is not allowed.
    """

    def __init__(self, emulator: Emulator, config: Mapping[str, str]) -> None:
        super().__init__(config)
        self._emulator = emulator
        self._credentials = emulator.root(self.allowed[0])
        for role in json.loads(config.get("aws:assumeRoles", "[]")):
            self._assume(role)
        self.account: str = self.client("sts").get_caller_identity()["Account"]
        if self.account not in self.allowed:
            raise EngineError(
                f"the credentials are of account {self.account}, and the stack may touch only "
                f"{', '.join(self.allowed)} (aws:allowedAccountIds)"
            )

    def client(self, service: str, region: str = "") -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client of a service, by default in the provider's region."""
        return self._emulator.client(service, "", region or self.region, self._credentials)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def _assume(self, role: Mapping[str, str]) -> None:
        session = self._emulator.session("", self.region, self._credentials)
        try:
            self._credentials = assumed_credentials(assume_role(session, role))
        except (BotoCoreError, ClientError) as error:
            raise EngineError(
                f"cannot assume {role['roleArn']} (aws:assumeRoles): {error}"
            ) from error


def assumed_credentials(keys: CredentialsTypeDef) -> Credentials:
    """Return the credentials in an answer of AssumeRole."""
    return Credentials(
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )
