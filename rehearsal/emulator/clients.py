"""Clients of the emulator that ignore the user's own profile, proxy and region.

Making a client costs about 30 ms, most of it for the service's model. Clients are kept, and all
share one loader of models.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 30
MAX_ATTEMPTS: Final = 2

_models = Loader(extra_search_paths=[], include_default_search_paths=True)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The credentials that a client signs with.

    Attributes:
        access_key: The access key id; twelve digits are the root user of that account.
        secret_key: The secret access key.
        token: The session token of temporary credentials, or empty.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class _Core(botocore.session.Session):
    """A botocore session that reads no environment variable and no file."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
        self._endpoint = endpoint

    def create_client(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is in botocore
        kwargs["endpoint_url"] = self._endpoint  # takes precedence over AWS_ENDPOINT_URL
        return super().create_client(*args, **kwargs)


class Clients:
    """Makes clients of one endpoint and keeps them; thread-safe.

    Args:
        endpoint: The emulator's URL.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, Credentials], Any] = {}

    def client(self, service: str, region: str, credentials: Credentials) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return the client of a service, made at the first call."""
        key = (service, region, credentials)
        with self._lock:
            if key not in self._clients:
                session = self.session(region, credentials)
                self._clients[key] = session.client(service)  # type: ignore[call-overload]
        return self._clients[key]

    def session(self, region: str, credentials: Credentials) -> boto3.Session:
        """Return a session whose clients all talk to the emulator."""
        core = _Core(self._endpoint)
        core.register_component("data_loader", _models)
        core.set_default_client_config(
            Config(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
                proxies={},
                max_pool_connections=20,
            )
        )
        return boto3.Session(
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token or None,
            region_name=region,
            botocore_session=core,
        )
