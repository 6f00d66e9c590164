"""The progress of a Pulumi command: what the CLI prints, and what it is waiting for.

The CLI prints when an operation begins and ends, and nothing but dots in between; some operations
take minutes. When a deployment fails, it interrupts the program and prints the traceback of that.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from runtask.pulumi_errors import Diagnostic, resource_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pulumi.automation.events import EngineEvent, StepEventMetadata

# How long an operation takes before it is reported, and how long until it is reported again.
REPORT_SECONDS: Final = 15.0

# What an operation does to a resource, for those that call AWS.
_VERBS: Final = {
    "create": "creating",
    "create-replacement": "creating",
    "update": "updating",
    "delete": "deleting",
    "delete-replaced": "deleting",
    "read": "reading",
    "refresh": "refreshing",
    "import": "importing",
}

# Lines of dots, and the traceback of the program that the CLI interrupts.
_DOTS: Final = "@ "
_STACK_LINE: Final = re.compile(r"    pulumi:pulumi:Stack \S+ running (?!error:)")
_TRACEBACK: Final = "Traceback (most recent call last):"


@dataclass(kw_only=True)
class Output:
    """The output of one Pulumi command; inside the context, long operations are reported.

    Attributes:
        say: Prints a line for the operator.
        report_seconds: How long an operation takes before it is reported, and reported again.
        diagnostics: The errors that the engine and the provider reported.
    """

    say: Callable[[str], None]
    report_seconds: float = REPORT_SECONDS
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _running: dict[str, tuple[str, float]] = field(default_factory=dict)
    _in_traceback: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _reporter: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._reporter = threading.Thread(target=self._report, daemon=True)
        self._reporter.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._reporter is not None:
            self._reporter.join()

    def line(self, text: str) -> None:
        """Print a line of the CLI's output, unless it is dots or a traceback."""
        if text.strip() == _TRACEBACK:
            self._in_traceback = True
        elif not text.strip():
            self._in_traceback = False
        if not (self._in_traceback or text.startswith(_DOTS) or _STACK_LINE.match(text)):
            self.say(text.rstrip())

    def event(self, event: EngineEvent) -> None:
        """Record the begin or end of an operation, or an error."""
        begun = event.resource_pre_event
        if begun is not None and not begun.planning:
            self._begin(begun.metadata)
        for ended in (event.res_outputs_event, event.res_op_failed_event):
            if ended is not None:
                with self._lock:
                    self._running.pop(ended.metadata.urn, None)
        reported = event.diagnostic_event
        if reported is not None and reported.severity == "error":
            diagnostic = Diagnostic(urn=reported.urn or "", message=reported.message)
            self.diagnostics.append(diagnostic)

    def waiting(self) -> list[str]:
        """Return the operations that take long, as in `creating sqs.Queue NAME (25 s)`."""
        now = time.monotonic()
        with self._lock:
            return [
                f"{operation} ({now - begun:.0f} s)"
                for operation, begun in self._running.values()
                if now - begun >= self.report_seconds
            ]

    def _begin(self, step: StepEventMetadata) -> None:
        verb = _VERBS.get(step.op)
        state = step.new or step.old
        # A component is no call of AWS; it takes as long as its children.
        if verb is not None and state is not None and state.custom:
            with self._lock:
                self._running[step.urn] = (f"{verb} {resource_of(step.urn)}", time.monotonic())

    def _report(self) -> None:
        while not self._ended.wait(self.report_seconds):
            for operation in self.waiting():
                self.say(f"    {operation}")
