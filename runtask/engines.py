"""What a promotion asks of whatever deploys a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Engine(Protocol):
    """Deploys stacks: Pulumi for real accounts, or the in-process engine for the rehearsal."""

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed.

        Raises:
            RuntaskError: if the engine cannot tell.
        """

    def preview(self, stack: str) -> None:
        """Show, on stderr, what deploying a stack would change.

        Raises:
            RuntaskError: if the stack cannot be deployed.
        """

    def up(self, stack: str) -> None:
        """Deploy a stack with the configuration in its file.

        Raises:
            RuntaskError: if it cannot; a second call finishes what was begun.
        """
