"""The clients of the entry point: how long they wait, and how often they try."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from function import limits
from tests.unit.fakes import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {**ENVIRONMENT, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "function.handler", raising=False)
    yield importlib.import_module("function.handler")
    monkeypatch.delitem(sys.modules, "function.handler", raising=False)


def of(client: Any) -> tuple[float, float, dict[str, Any], int, str]:
    config = client.meta.config
    return (
        config.connect_timeout,
        config.read_timeout,
        config.retries,
        config.max_pool_connections,
        config.region_name,
    )


def tries(attempts: int) -> dict[str, Any]:
    return {"mode": "standard", "total_max_attempts": attempts}


def test_a_client_waits_and_tries_as_it_is_told(entry: Any) -> None:
    config = entry._config(3, 7, 5)
    assert (config.connect_timeout, config.read_timeout) == (5, 7)
    assert config.retries == tries(3)
    assert config.max_pool_connections == limits.THREADS
    # The region of the stage, not that of the environment.
    assert config.region_name == "eu-central-1"
    assert entry._config(1, 7).connect_timeout == limits.CONNECT_TIMEOUT_SECONDS


def test_the_table_client_is_made_when_it_is_used_and_once(entry: Any) -> None:
    table = entry._TABLE
    assert table._client is None

    first = table.put_item
    client: Any = table._client
    assert client.meta.service_model.service_name == "dynamodb"
    assert of(client) == (
        limits.TABLE_CONNECT_TIMEOUT_SECONDS,
        limits.TABLE_READ_TIMEOUT_SECONDS,
        tries(2),
        limits.THREADS,
        "eu-central-1",
    )

    assert first.__name__ == "put_item"
    assert table.update_item.__self__ is client


def test_the_client_for_payloads_is_made_when_it_is_used(entry: Any) -> None:
    payloads = entry._PAYLOADS
    assert payloads._client is None

    assert payloads.put_object.__name__ == "put_object"
    client: Any = payloads._client
    assert client.meta.service_model.service_name == "s3"
    assert of(client)[:3] == (
        limits.CONNECT_TIMEOUT_SECONDS,
        limits.PAYLOAD_READ_TIMEOUT_SECONDS,
        tries(1),
    )
