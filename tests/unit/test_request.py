from __future__ import annotations

from typing import Any

from function.message.builder import read
from tests.unit.fakes import message, settings


def test_a_capacity_pool_is_what_shares_capacity() -> None:
    def capacity_pool(**changes: Any) -> str:
        return read(message(**changes), settings()).capacity_pool

    spot = [{"capacityProvider": "FARGATE_SPOT"}]
    arn = "arn:aws:ecs:eu-central-1:111111111111:cluster/batch"
    assert capacity_pool() == capacity_pool(cluster=arn) == "batch/FARGATE"
    assert capacity_pool(launchType=None) == "batch/"
    assert capacity_pool(launchType=None, capacityProviderStrategy=spot) == "batch/FARGATE_SPOT"
