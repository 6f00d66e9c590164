"""Draws boxes, cards and arrows as SVG, in a light and a dark theme."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"

# Pixels.
CARD_WIDTH: Final = 208
CARD_HEIGHT: Final = 76
_RADIUS: Final = 8
_LINE_HEIGHT: Final = 18

Point = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colors, as CSS.

    Attributes:
        background: Of the picture.
        surface: Of an account.
        raised: Of a stack.
        card: Of a resource.
        border: Of every box.
        text: Of titles.
        muted: Of subtitles, labels and arrows.
        accents: Of the kinds of resource, by kind.
    """

    background: str
    surface: str
    raised: str
    card: str
    border: str
    text: str
    muted: str
    accents: Mapping[str, str]


LIGHT: Final = Theme(
    background="#ffffff",
    surface="#f6f8fa",
    raised="#eaeef2",
    card="#ffffff",
    border="#d1d9e0",
    text="#1f2328",
    muted="#59636e",
    accents={
        "compute": "#d9730d",
        "messages": "#cf2f74",
        "security": "#7a4fd6",
        "storage": "#2d8a4e",
        "people": "#59636e",
    },
)

DARK: Final = Theme(
    background="#0d1117",
    surface="#151b23",
    raised="#1e2630",
    card="#0d1117",
    border="#3d444d",
    text="#f0f6fc",
    muted="#9198a1",
    accents={
        "compute": "#f0953f",
        "messages": "#f778ba",
        "security": "#b392f0",
        "storage": "#56d364",
        "people": "#9198a1",
    },
)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A group with a title, such as an account or a stack.

    Attributes:
        title: In bold, at the top left.
        note: After the title.
        at: The top left corner.
        size: Width and height.
        fill: `surface` or `raised`.
        dashed: Whether the border is dashed.
        title_below: Whether the title is at the bottom left instead.
    """

    title: str
    note: str
    at: Point
    size: Point
    fill: str
    dashed: bool = False
    title_below: bool = False


@dataclass(frozen=True, kw_only=True)
class Card:
    """A resource.

    Attributes:
        title: One line, in bold.
        lines: Up to two lines below it.
        kind: Decides the color, as in `Theme.accents`.
        at: The top left corner.
        width: In pixels; the height is CARD_HEIGHT.
    """

    title: str
    lines: tuple[str, ...]
    kind: str
    at: Point
    width: int = CARD_WIDTH


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A line with an arrowhead at its end, and rounded corners.

    Attributes:
        points: Start, corners and end.
        label: One line of text.
        label_at: The baseline of the label's start, middle or end, as `anchor` says.
        anchor: `start`, `middle` or `end`.
        dashed: Whether the line is dashed.
    """

    points: Sequence[Point]
    label: str = ""
    label_at: Point = (0, 0)
    anchor: str = "middle"
    dashed: bool = False


Shape = Box | Card | Arrow


def draw(size: Point, title: str, theme: Theme, shapes: Iterable[Shape]) -> str:
    """Return an SVG document.

    Args:
        size: Width and height.
        title: What the picture shows, for screen readers.
        theme: The colors.
        shapes: What to draw, from back to front.
    """
    width, height = size
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" font-family="{FONT}">'
        ),
        f"<title>{escape(title)}</title>",
        (
            f'<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{theme.muted}"/></marker></defs>'
        ),
        f'<rect width="{width}" height="{height}" rx="12" fill="{theme.background}"/>',
    ]
    for shape in shapes:
        match shape:
            case Box():
                parts += _box(shape, theme)
            case Card():
                parts += _card(shape, theme)
            case Arrow():
                parts += _arrow(shape, theme)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(box: Box, theme: Theme) -> list[str]:
    (x, y), (width, height) = box.at, box.size
    fill = {"surface": theme.surface, "raised": theme.raised}[box.fill]
    dash = ' stroke-dasharray="5 4"' if box.dashed else ""
    baseline = y + height - 15 if box.title_below else y + 25
    note = (
        f'<tspan dx="8" font-weight="400" fill="{theme.muted}">{escape(box.note)}</tspan>'
        if box.note
        else ""
    )
    return [
        (
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{_RADIUS + 2}" '
            f'fill="{fill}" stroke="{theme.border}"{dash}/>'
        ),
        (
            f'<text x="{x + 16}" y="{baseline}" font-size="14" font-weight="600" '
            f'fill="{theme.text}">{escape(box.title)}{note}</text>'
        ),
    ]


def _card(card: Card, theme: Theme) -> list[str]:
    x, y = card.at
    accent = theme.accents[card.kind]
    top = y + (CARD_HEIGHT - _LINE_HEIGHT * len(card.lines)) // 2 + 4
    return [
        (
            f'<rect x="{x}" y="{y}" width="{card.width}" height="{CARD_HEIGHT}" rx="{_RADIUS}" '
            f'fill="{theme.card}" stroke="{theme.border}"/>'
        ),
        (
            f'<rect x="{x + 8}" y="{y + 12}" width="4" height="{CARD_HEIGHT - 24}" rx="2" '
            f'fill="{accent}"/>'
        ),
        (
            f'<text x="{x + 22}" y="{top}" font-size="14" font-weight="600" fill="{theme.text}">'
            f"{escape(card.title)}</text>"
        ),
        *(
            f'<text x="{x + 22}" y="{top + _LINE_HEIGHT * number + 1}" font-size="13" '
            f'fill="{theme.muted}">{escape(line)}</text>'
            for number, line in enumerate(card.lines, start=1)
        ),
    ]


def _arrow(arrow: Arrow, theme: Theme) -> list[str]:
    dash = ' stroke-dasharray="5 4"' if arrow.dashed else ""
    parts = [
        (
            f'<path d="{_rounded(arrow.points)}" fill="none" stroke="{theme.muted}" '
            f'stroke-width="1.5"{dash} marker-end="url(#head)"/>'
        )
    ]
    if arrow.label:
        x, y = arrow.label_at
        parts.append(
            f'<text x="{x}" y="{y}" font-size="13" text-anchor="{arrow.anchor}" '
            f'fill="{theme.muted}">{escape(arrow.label)}</text>'
        )
    return parts


def _rounded(points: Sequence[Point]) -> str:
    """Return the data of a path through `points` with rounded corners."""
    start, *_, end = points
    path = [f"M{start[0]},{start[1]}"]
    for (before, corner), (_, after) in pairwise(pairwise(points)):
        into, out = _towards(corner, before), _towards(corner, after)
        path.append(f"L{into[0]},{into[1]} Q{corner[0]},{corner[1]} {out[0]},{out[1]}")
    path.append(f"L{end[0]},{end[1]}")
    return " ".join(path)


def _towards(corner: Point, other: Point) -> Point:
    """Return the point on a horizontal or vertical line where a corner's rounding begins."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    radius = min(_RADIUS, max(abs(dx), abs(dy)) // 2)
    sign_x, sign_y = (dx > 0) - (dx < 0), (dy > 0) - (dy < 0)
    return corner[0] + sign_x * radius, corner[1] + sign_y * radius
