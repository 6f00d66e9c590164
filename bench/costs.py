"""What a million messages cost, part by part, from what was measured and from list prices.

`python -m bench.costs` writes the tables of `docs/cost.md` between their markers; nothing is
measured here. The figures are those of `results.json`, and a test compares the page with them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import prices, results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.results import Results

PAGE: Final = Path(__file__).parents[1] / "docs" / "cost.md"

# The backlog that `bench drain` simulates, to which its GB-seconds belong.
_DRAINED: Final = 10_000

# Messages of one invocation, and entries of one call of SQS.
_BATCH: Final = 10

# Requests of one message: it is sent alone, and received and deleted in a batch.
_SENT_RECEIVED_DELETED: Final = 1 + 2 / _BATCH

_HOURS: Final = 24 * 365 / 12
_MINUTES_A_MONTH: Final = 60 * _HOURS

# Empty receives of an event source mapping with a maximum concurrency, in a month: see
# docs/decisions.md.
_EMPTY_RECEIVES_MONTH: Final = 650_000

# The smallest task of Fargate, for a minute.
_TASK_VCPU: Final = 0.25
_TASK_GIGABYTES: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table.

    Attributes:
        name: The part.
        dollars: What it costs: USD for a million messages, or for a month.
        how: What the figure is made of.
    """

    name: str
    dollars: float
    how: str


def task_dollars() -> float:
    """Return what a million of the smallest tasks cost for a minute."""
    hour = _TASK_VCPU * prices.FARGATE_VCPU_HOUR + _TASK_GIGABYTES * prices.FARGATE_GIGABYTE_HOUR
    return hour / 60 * prices.MILLION


def _figure(saved: Results, bench: str, subject: str, figure: str) -> float:
    found = results.spread(saved, bench, subject, figure)
    if found is None:
        raise SystemExit(f"results.json has no {bench}: {subject}: {figure}; measure it first")
    return found.middle


def launching(saved: Results) -> list[Row]:
    """Return the parts of a launch, which no option switches off."""
    seconds = _figure(saved, "drain", "20/s | ours", "gigabyte_seconds") / _DRAINED
    requests = _SENT_RECEIVED_DELETED
    return [
        Row(
            name="queue: send, receive, delete",
            dollars=requests * prices.SQS_STANDARD,
            how=f"{requests:.1f} requests",
        ),
        Row(
            name="function",
            dollars=seconds * prices.MILLION * prices.LAMBDA_GIGABYTE_SECOND
            + prices.LAMBDA_INVOCATIONS / _BATCH,
            how=f"{seconds:.4f} GB-s while a backlog drains at 20 a second, 0.1 invocations",
        ),
    ]


def optional(saved: Results) -> list[Row]:
    """Return what each option adds to a message that is launched once and succeeds."""
    writes = _figure(saved, "outcomes", "with a key", "writes")
    rows = [
        Row(
            name="a key of the sender's",
            dollars=prices.TABLE_WRITES * writes,
            how=f"{writes:.1f} writes",
        )
    ]
    rows += [
        _row(saved, option, name)
        for option, name in (
            ("outcomes", "`outcomes`"),
            ("maxRuntime", "`limits.maxRuntime`, besides"),
            ("concurrency", "`limits.concurrency`, besides"),
            ("results", "`results: queue`, besides"),
        )
    ]
    requests = _SENT_RECEIVED_DELETED
    rows += [
        Row(
            name="`results: bus`, in place of the queue",
            dollars=rows[-1].dollars - prices.SQS_STANDARD + prices.CUSTOM_EVENTS,
            how="1 custom event, and the rest as above",
        ),
        Row(
            name="`fifo`, besides",
            dollars=requests * (prices.SQS_FIFO - prices.SQS_STANDARD),
            how=f"{requests:.1f} requests at the price of FIFO queues",
        ),
        Row(
            name="a message group on a standard queue, besides",
            dollars=requests * prices.SQS_FAIR,
            how=f"{requests:.1f} requests, the surcharge of fair queues",
        ),
    ]
    rows.append(
        Row(
            name="`payload`, besides",
            dollars=prices.OBJECT_PUTS + prices.OBJECT_GETS,
            how="1 PUT, and 1 GET by the task",
        )
    )
    return rows


def _row(saved: Results, option: str, name: str) -> Row:
    """Return what an option adds, measured as the difference to the same without it."""
    sent, received, reads, writes, seconds, kilobytes = (
        _figure(saved, "outcomes", option, figure)
        for figure in ("sent", "received", "reads", "writes", "gigabyte_seconds", "log_kilobytes")
    )
    requests = sent + 2 * received / _BATCH
    return Row(
        name=name,
        dollars=requests * prices.SQS_STANDARD
        + reads * prices.TABLE_READS
        + writes * prices.TABLE_WRITES
        + seconds * prices.MILLION * prices.LAMBDA_GIGABYTE_SECOND
        + received / _BATCH * prices.LAMBDA_INVOCATIONS
        + kilobytes * prices.LOG_GIGABYTE,
        how=f"{requests:.1f} requests of SQS, {reads:.1f} reads, {writes:.1f} writes,"
        f" {seconds:.4f} GB-s, {kilobytes:.2f} kB of log",
    )


def others(saved: Results) -> list[Row]:
    """Return what the alternatives cost that start a task from a queue."""
    old = _figure(saved, "drain", "20/s | ancestor", "gigabyte_seconds") / _DRAINED
    queue = _SENT_RECEIVED_DELETED * prices.SQS_STANDARD
    machine = 4
    return [
        Row(
            name="EventBridge Pipes",
            dollars=queue + prices.PIPES,
            how="1 request of Pipes; nothing is paced, no outcome is kept",
        ),
        Row(
            name="Pipes with Step Functions Standard",
            dollars=queue + prices.PIPES + machine * prices.STATE_TRANSITIONS,
            how=f"{machine} state transitions (start, RunTask, one retry or choice, end)",
        ),
        Row(
            name="AWS Batch on Fargate",
            dollars=0.0,
            how="no charge of its own; a sender has to call SubmitJob, at up to 50 a second",
        ),
        Row(
            name="the AWS Labs sample",
            dollars=queue
            + old * prices.MILLION * prices.LAMBDA_GIGABYTE_SECOND
            + prices.LAMBDA_INVOCATIONS,
            how=f"{old:.2f} GB-s: it sleeps while it waits",
        ),
        Row(
            name="for comparison: the tasks themselves",
            dollars=task_dollars(),
            how=f"{_TASK_VCPU} vCPU and {_TASK_GIGABYTES} GB for a minute, on demand",
        ),
    ]


def monthly() -> list[Row]:
    """Return what a stage costs in a month in which nothing is sent."""
    polling = _EMPTY_RECEIVES_MONTH / prices.MILLION * prices.SQS_STANDARD
    sweeps = _MINUTES_A_MONTH / prices.MILLION
    return [
        Row(name="KMS key", dollars=prices.KMS_KEY_MONTH, how="one per stage"),
        Row(
            name="polling of the work queue",
            dollars=polling,
            how=f"{_EMPTY_RECEIVES_MONTH:,} empty receives",
        ),
        Row(
            name="`outcomes`: polling of the events queue",
            dollars=polling,
            how=f"{_EMPTY_RECEIVES_MONTH:,} empty receives",
        ),
        Row(
            name="`outcomes`: a sweep each minute",
            dollars=sweeps
            * (3 * prices.SQS_STANDARD + prices.LAMBDA_INVOCATIONS + 3 * prices.TABLE_READS),
            how=f"{_MINUTES_A_MONTH:,.0f} messages and invocations, three queries each",
        ),
        Row(name="an alarm, each", dollars=prices.ALARM_MONTH, how="5 to 11 of them, by option"),
        Row(
            name="a metric with values, each",
            dollars=prices.METRIC_MONTH,
            how="of the handler's own; one more for each reason that occurs",
        ),
        Row(name="`dashboard`", dollars=prices.DASHBOARD_MONTH, how="the first three are free"),
    ]


def _markdown(rows: Iterable[Row], unit: str) -> str:
    lines = [f"| part | USD {unit} | made of |", "| --- | ---: | --- |"]
    lines += [f"| {row.name} | {row.dollars:,.2f} | {row.how} |" for row in rows]
    return "\n".join(lines) + "\n"


def sections(saved: Results) -> dict[str, str]:
    """Return the text of each pair of markers in the page."""
    return {
        "launching": _markdown(launching(saved), "a million"),
        "options": _markdown(optional(saved), "a million"),
        "others": _markdown(others(saved), "a million"),
        "monthly": _markdown(monthly(), "a month"),
    }


def page(text: str, saved: Results) -> str:
    """Return the page with its tables calculated anew."""
    for name, table in sections(saved).items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise SystemExit(f"{PAGE.name}: expected one pair of markers {begin.strip()} {end}")
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    return text


def main() -> int:
    """Write the tables of the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results.load()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
