"""The AWS profiles that an operator names with `--profile`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """Which AWS profile to use for which stage.

    Attributes:
        by_stage: Stage to profile.
        default: The profile of all other stages; None for the credentials of the shell.
    """

    by_stage: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def profile(self, stage: str) -> str | None:
        """Return the profile of a stage; None for the credentials of the shell."""
        return self.by_stage.get(stage, self.default)


def parse_profiles(values: Iterable[str]) -> Profiles:
    """Read the values of `--profile`.

    Args:
        values: Each `PROFILE`, for every stage without a profile of its own, or `STAGE=PROFILE`.

    Raises:
        ValueError: if a value has an empty part, or two values are for the same stage.
    """
    by_stage: dict[str, str] = {}
    default: str | None = None
    for value in values:
        left, equals, right = value.partition("=")
        stage, profile = (left, right) if equals else ("", left)
        if not profile or (equals and not stage):
            raise ValueError(f"found {value!r}; expected PROFILE or STAGE=PROFILE")
        known = by_stage.get(stage) if stage else default
        if known is not None:
            whose = f"stage {stage}" if stage else "all stages"
            raise ValueError(f"found {known} and {profile} for {whose}; expected one of them")
        if stage:
            by_stage[stage] = profile
        else:
            default = profile
    return Profiles(by_stage=by_stage, default=default)
