"""The parts of the picture that stand for registered resources: cards and arrows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.svg import CARD_WIDTH, Arrow, Card, Point

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A card of the picture.

    Attributes:
        card: The card.
        resources: Patterns of the registered resources that it stands for.
    """

    card: Card
    resources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An arrow of the picture, and the reason for it.

    Attributes:
        arrow: The arrow.
        resource: Pattern of a registered resource.
        refers_to: What an input of that resource contains: the ARN, URL or name of a resource that
            matches this pattern, or this text.
    """

    arrow: Arrow
    resource: str
    refers_to: str


def drawn(
    at: Point,
    kind: str,
    title: str,
    lines: tuple[str, ...],
    *resources: str,
    width: int = CARD_WIDTH,
) -> Drawn:
    """Return a card for the registered resources that match the patterns `resources`."""
    card = Card(title=title, lines=lines, kind=kind, at=at, width=width)
    return Drawn(card=card, resources=resources)


def reference(  # noqa: PLR0913 - the attributes of an arrow
    resource: str,
    refers_to: str,
    points: Sequence[Point],
    *,
    label: str = "",
    label_at: Point = (0, 0),
    anchor: str = "middle",
) -> Reference:
    """Return an arrow that is there because `resource` refers to `refers_to`."""
    arrow = Arrow(points=points, label=label, label_at=label_at, anchor=anchor)
    return Reference(arrow=arrow, resource=resource, refers_to=refers_to)
