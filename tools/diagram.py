"""Generates the picture of the infrastructure from the resources that the program registers.

The layout is written by hand; what it shows is checked: each registered resource is on exactly one
card, and for each arrow there is a resource that refers to the other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tools.diagram_layout import BOXES, DRAWN, REFERENCES, SIZE
from tools.registrations import Registrations, register
from tools.svg import DARK, LIGHT, Shape, draw

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH: Final = "docs"

_TITLE: Final = (
    "Infrastructure of ecs-run-task: in each account a bootstrap stack and one function stack per "
    "stage; artifacts are promoted from the dev account to the prod account"
)


class DiagramError(Exception):
    """The picture does not show what the program registers; the text names the difference."""


def render() -> Mapping[str, str]:
    """Return the pictures by file name.

    Raises:
        DiagramError: if the picture does not show what the program registers.
    """
    check(register())
    shapes: tuple[Shape, ...] = (
        *BOXES,
        *(reference.arrow for reference in REFERENCES),
        *(drawn.card for drawn in DRAWN),
    )
    return {
        f"infrastructure-{name}.svg": draw(SIZE, _TITLE, theme, shapes)
        for name, theme in (("light", LIGHT), ("dark", DARK))
    }


def check(registrations: Registrations) -> None:
    """Compare the layout with the registered resources.

    Raises:
        DiagramError: if they differ.
    """
    patterns = [pattern for drawn in DRAWN for pattern in drawn.resources]
    shown = [key for pattern in patterns for key in registrations.matching(pattern)]
    if missing := sorted(set(registrations.resources) - set(shown)):
        raise DiagramError(f"no card of tools/diagram_layout.py shows {', '.join(missing)}")
    if twice := sorted({key for key in shown if shown.count(key) > 1}):
        raise DiagramError(f"two cards of tools/diagram_layout.py show {', '.join(twice)}")
    if gone := [pattern for pattern in patterns if not registrations.matching(pattern)]:
        raise DiagramError(f"the program registers no resource like {', '.join(gone)}")
    for reference in REFERENCES:
        if not registrations.refers(reference.resource, reference.refers_to):
            raise DiagramError(
                f"{reference.resource} does not refer to {reference.refers_to}; remove the arrow "
                f"{reference.arrow.label!r} of tools/diagram_layout.py"
            )
