"""`runtask status --follow` of a stage: a view that is drawn anew every few seconds."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from runtask import console
from runtask.errors import AccountError, RuntaskError
from runtask.key_report import moment
from runtask.stage_metrics import StageMetrics, stage_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from function.clock import Clock
    from runtask.stage_access import StageAccess

# Between two looks at the queues.
_LOOK_SECONDS: Final = 5.0

# Metrics are written for whole minutes, and each that is read has its price.
_METRICS_SECONDS: Final = 60.0

_ATTRIBUTES: Final = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "inFlight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a view shows at a moment.

    Attributes:
        at: When, as ISO 8601.
        queue: The messages of the work queue: visible, in flight (at work, or waiting to be tried
            again), delayed.
        dead_letters: The messages of the dead-letter queue.
        events: The messages of the events queue that wait; None if the stage has none.
        launch_rate: The most launches on Fargate a second, as the stage's file says.
        metrics: What CloudWatch says; None if it cannot be asked.
    """

    at: str
    queue: Mapping[str, int]
    dead_letters: int
    events: int | None
    launch_rate: int
    metrics: StageMetrics | None

    def as_json(self) -> dict[str, Any]:
        """Return the values by their names in JSON."""
        metrics = self.metrics
        return {
            "at": self.at,
            "queue": dict(self.queue),
            "deadLetters": self.dead_letters,
            "events": self.events,
            "launchRate": self.launch_rate,
            "launchesPerSecond": None if metrics is None else metrics.launches_per_second,
            "waiting": None if metrics is None else dict(metrics.waiting),
            "outcomes": None if metrics is None else asdict(metrics)["outcomes"],
        }


def follow_stage(access: StageAccess, *, as_json: bool, clock: Clock = time) -> None:
    """Show what happens in a stage until the operator ends it.

    On a terminal the view is drawn anew; anywhere else, each is a line.

    Args:
        access: The stage.
        as_json: Whether to print an object a line.
        clock: Tells the time, and waits.

    Raises:
        RuntaskError: if the queues cannot be asked.
    """
    drawn = console.on_terminal() and not as_json
    with console.redrawn() as redraw:
        for frame in _frames(access, clock):
            if as_json:
                console.line(console.compact(frame.as_json()))
            elif drawn:
                redraw(view_lines(frame, str(access)))
            else:
                console.line(one_line(frame))


def view_lines(frame: Frame, title: str) -> list[str]:
    """Return the lines of a view."""
    queue, metrics = frame.queue, frame.metrics
    lines = [
        f"{frame.at}  {title}",
        "",
        "work queue      "
        + ", ".join(
            (
                f"{queue['visible']} visible",
                f"{queue['inFlight']} in flight",
                f"{queue['delayed']} delayed",
            )
        ),
        f"dead letters    {frame.dead_letters}",
    ]
    if frame.events is not None:
        lines.append(f"events          {frame.events} waiting")
    if metrics is None:
        return lines
    lines += [
        f"launches/s      {_rate(frame)}",
        "",
        "returned to the queue in 5 minutes, by reason",
    ]
    lines += _rows(metrics.waiting)
    lines += ["", "outcomes of the last hour, by reason"]
    for name, reasons in metrics.outcomes.items():
        lines.append(f"  {name:<14}{sum(reasons.values()):>7}")
        lines += _rows({reason: number for reason, number in reasons.items() if reason}, "    ")
    return lines if metrics.outcomes else [*lines, "  none"]


def one_line(frame: Frame) -> str:
    """Return a view as a line for a pipe."""
    queue, metrics = frame.queue, frame.metrics
    words = [
        frame.at,
        f"visible={queue['visible']}",
        f"in-flight={queue['inFlight']}",
        f"delayed={queue['delayed']}",
        f"dead-letters={frame.dead_letters}",
    ]
    if frame.events is not None:
        words.append(f"events={frame.events}")
    if metrics is not None:
        words.append(f"launches/s={_rate(frame).replace(' of ', '/')}")
        words += [f"returned:{reason}={number}" for reason, number in metrics.waiting.items()]
        words += [
            f"{name}{reason and ':'}{reason}={number}"
            for name, reasons in metrics.outcomes.items()
            for reason, number in reasons.items()
        ]
    return " ".join(words)


def _rate(frame: Frame) -> str:
    rate = None if frame.metrics is None else frame.metrics.launches_per_second
    return f"{rate or 0:.1f} of {frame.launch_rate}"


def _rows(numbers: Mapping[str, int], indent: str = "  ") -> list[str]:
    rows = [f"{indent}{name:<28}{number:>7}" for name, number in numbers.items()]
    return rows or ([f"{indent}none"] if indent == "  " else [])


def _frames(access: StageAccess, clock: Clock) -> Iterator[Frame]:
    metrics: StageMetrics | None = None
    asked_at = float("-inf")
    readable = True
    while True:
        if readable and clock.monotonic() - asked_at >= _METRICS_SECONDS:
            asked_at = clock.monotonic()
            try:
                metrics = stage_metrics(access, clock.time())
            except AccountError:
                raise
            except RuntaskError as error:
                readable = False
                console.progress(f"without the metrics of CloudWatch: {error}")
        yield _frame(access, clock.time(), metrics)
        clock.sleep(_LOOK_SECONDS)


def _frame(access: StageAccess, now: float, metrics: StageMetrics | None) -> Frame:
    config, events_url = access.config, access.events_queue_url
    return Frame(
        at=moment(now) or "",
        queue=_depths(access, access.queue_url),
        dead_letters=_depths(access, access.dead_letter_queue_url)["visible"],
        events=None if events_url is None else _depths(access, events_url)["visible"],
        launch_rate=config.fargate_launch_rate or config.default_fargate_launch_rate,
        metrics=metrics,
    )


def _depths(access: StageAccess, url: str) -> dict[str, int]:
    name = url.rpartition("/")[2]
    with access.asking(f"queue {name}", "sqs:GetQueueAttributes"):
        found = access.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=list(_ATTRIBUTES)
        )["Attributes"]
    return {shown: int(found.get(name, 0)) for name, shown in _ATTRIBUTES.items()}
