"""The AWS provider of a run: in which account, as whom, where, and with which tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import Credentials, Emulator
from rehearsal.engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION_NAME = "ecs-run-task"


class Provider:
    """The provider as a stack's configuration describes it.

    Args:
        emulator: Where resources are made.
        config: The stack's configuration, `aws:` keys among it.
        caller: Who runs the program; by default the root user of the first allowed account.

    Raises:
        EngineError: A key is missing, the role cannot be assumed, or the account is not allowed.
    """

    def __init__(
        self, emulator: Emulator, config: Mapping[str, str], caller: Credentials | None = None
    ) -> None:
        """Get in, and make sure it is the right account, before anything is made."""
        self._emulator = emulator
        self.region = config.get("aws:region", "")
        if not self.region:
            raise EngineError("aws:region is missing in the stack's configuration")
        self.tags: dict[str, str] = json.loads(config.get("aws:defaultTags", "{}")).get("tags", {})
        allowed = [
            str(account) for account in json.loads(config.get("aws:allowedAccountIds", "[]"))
        ]
        if not allowed and caller is None:
            raise EngineError("aws:allowedAccountIds is missing in the stack's configuration")
        self._credentials = caller or Credentials(access_key=allowed[0])
        for role in json.loads(config.get("aws:assumeRoles", "[]")):
            self._assume(role)
        identity = self.client("sts").get_caller_identity()
        self.account: str = identity["Account"]
        self.caller_arn: str = identity["Arn"]
        self.caller_id: str = identity["UserId"]
        if allowed and self.account not in allowed:
            raise EngineError(
                f"the credentials are of account {self.account}, and the stack may touch only "
                f"{', '.join(allowed)} (aws:allowedAccountIds)"
            )

    def client(self, service: str, region: str = "") -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client of a service in the provider's region, or in another."""
        return self._emulator.client(service, "", region or self.region, self._credentials)

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """Return the ARN of a resource of the account."""
        location = self.region if region is None else region
        return f"arn:aws:{service}:{location}:{self.account}:{resource}"

    def _assume(self, role: dict[str, str]) -> None:
        request = {"RoleArn": role["roleArn"]}
        if role.get("externalId"):
            request["ExternalId"] = role["externalId"]
        request["RoleSessionName"] = role.get("sessionName") or SESSION_NAME
        sts = self.client("sts")
        try:
            keys = sts.assume_role(**request)["Credentials"]
        except sts.exceptions.ClientError as error:
            raise EngineError(
                f"cannot assume {role['roleArn']} (aws:assumeRoles): {error}"
            ) from error
        self._credentials = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )
