"""The acceptance test of a deployed stage: named probes, and a report that can be shared."""

from __future__ import annotations

from typing import Final

# A Fargate task with a large image takes two to three minutes to its first line of output.
DEFAULT_TIMEOUT_SECONDS: Final = 300.0
