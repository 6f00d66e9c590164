"""Makes a job of a request: what a launch needs to know of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from function.launch.admission import Demand
from function.launch.job import Job
from function.launch.leases import Place
from function.message import builder
from function.message.applied_limits import group_of
from function.message.idempotency import (
    KEY_ATTRIBUTE,
    Stage,
    launches_known,
    origin_of,
    started_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from function.message.request import Request
    from function.message.task_limits import TaskLimits
    from function.sqs.record import Record

# The call of a redriven message of which nothing is known but that it may have been made.
_LONG_AGO: Final = 1.0


def job_of(  # noqa: PLR0913 - what is known of a message
    record: Record,
    key: str,
    request: Request,
    limits: TaskLimits,
    stage: Stage,
    *,
    digest: Callable[[], str],
    unique: bool,
    restarted: bool = False,
    prepare: Callable[[], None] = lambda: None,
) -> Job:
    """Return the tasks of a message, in one delivery.

    Args:
        record: The delivery.
        key: The idempotency key.
        request: As it was completed.
        limits: Those that hold for it.
        stage: Where the key is valid.
        digest: Returns the hash of what the sender asked for.
        unique: Whether no other delivery can have used the key.
        restarted: Whether the tasks are started again, so that the ledger has to be asked.
        prepare: Makes what the tasks need, before the call is announced.
    """

    def call(attempt: int, count: int, supply: int) -> dict[str, Any]:
        chosen = with_supply(request, limits, supply)
        return builder.call(chosen, key, stage, attempt=attempt, count=count)

    return Job(
        key=key,
        digest=digest,
        count=request.count,
        call=call,
        cluster=request.cluster,
        started_by=started_by(stage.name, key),
        demand=lambda supply: _demand(with_supply(request, limits, supply)),
        origin=origin_of(record),
        first=record.receives <= 1 and not restarted,
        unique=unique,
        unrecorded_since=unrecorded_since(record),
        supplies=max(1, len(limits.capacity)),
        place=_place(record, request, limits),
        prepare=prepare,
    )


def with_supply(request: Request, limits: TaskLimits, supply: int) -> Request:
    """Return a request with one of the capacity providers that its limits name.

    Args:
        request: What is to be launched.
        limits: Those that hold for it.
        supply: The number of the provider; after the last one, the first follows.
    """
    if not limits.capacity:
        return request
    name = limits.capacity[supply % len(limits.capacity)]
    strategy = [{"capacityProvider": name, "weight": 1}]
    parameters = {**request.parameters, "capacityProviderStrategy": strategy}
    return replace(request, parameters=parameters)


def unrecorded_since(record: Record) -> float | None:
    """Return since when a call may have been made that the ledger does not know of."""
    if launches_known(record):
        return None
    return _LONG_AGO if KEY_ATTRIBUTE in record.attributes else record.first_received_at


def _demand(request: Request) -> Demand:
    return Demand(
        pool=request.capacity_pool,
        size_pool=request.size_pool,
        supplies=request.supplies,
        tasks=request.count,
    )


def _place(record: Record, request: Request, limits: TaskLimits) -> Place | None:
    concurrency = limits.concurrency
    if concurrency is None:
        return None
    return Place(
        group=group_of(request, concurrency),
        max=concurrency.max,
        tasks=request.count,
        sent_at=record.sent_at,
        receipt_handle=record.receipt_handle,
        receives=record.receives,
    )
