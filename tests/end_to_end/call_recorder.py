"""An embedded AWS that writes every call into its journal, and changes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rehearsal.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.emulator import Call, InterceptedCall, Request, Response

# What the provider asks before anything else.
_WHO: Final = "sts"


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    key: str

    async def answer(self, call: InterceptedCall) -> Response:
        return await call.proceed()


class CallRecorder:
    """See `rehearsal.emulator.Interceptor`."""

    def __init__(self, folder: Path) -> None:
        del folder

    def match(self, request: Request) -> _Recorded:
        return _Recorded(key=f"{request.service}:{request.action}")


class RecordedEmulator(Emulator):
    """Use it as an `Emulator`."""

    interceptor: ClassVar[str] = "tests.end_to_end.call_recorder:CallRecorder"

    def new_calls(self, since: int = 0) -> list[Call]:
        """Return the calls after the first ones, without those of STS."""
        return [call for call in self.calls()[since:] if call.service != _WHO]
