"""The functions of the provider that only tell where the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.engine.inputs import Inputs
    from rehearsal.engine.provider import Provider


def _caller_identity(provider: Provider, _: Inputs) -> dict[str, Any]:
    return {
        "id": provider.account,
        "accountId": provider.account,
        "arn": provider.caller_arn,
        "userId": provider.caller_id,
    }


def _region(provider: Provider, inputs: Inputs) -> dict[str, Any]:
    name = inputs.get("region") or provider.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _partition(_: Provider, __: Inputs) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


FUNCTIONS: dict[str, Callable[[Provider, Inputs], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
}
