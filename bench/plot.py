"""A small writer of SVG plots: lines over time, and bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 56, 50
# Distinguishable with colour blindness, too (Okabe and Ito).
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#7f7f7f")
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#222}.t{font-size:16px;font-weight:600}"
    ".s{fill:#555}.g{stroke:#ddd}.a{stroke:#444}"
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of bars: the values of each series, by its name."""

    name: str
    values: dict[str, float]


def lines(
    title: str, subtitle: str, axes: tuple[str, str], series: Sequence[Line], *, right: float
) -> str:
    """Return a plot of lines.

    Args:
        title: What the plot shows.
        subtitle: How it was measured.
        axes: The labels of x and y.
        series: The lines, at most as many as COLOURS.
        right: The end of the x axis; lines are cut there.
    """
    top = max(y for line in series for _, y in line.points)
    x_ticks, y_ticks = _ticks(right), _ticks(top)
    top = max(top, y_ticks[-1])

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / right * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - y / top * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = _frame(title, subtitle)
    for tick in y_ticks:
        x, y = at(0, tick)
        parts += [_rule(x, y, _WIDTH - _RIGHT, y, "g"), _text(x - 8, y + 4, _number(tick), "end")]
    for tick in x_ticks:
        x, y = at(tick, 0)
        parts += [_rule(x, y, x, y + 5, "a"), _text(x, y + 20, _number(tick), "middle")]
    left, base = at(0, 0)
    parts += [
        _rule(left, base, _WIDTH - _RIGHT, base, "a"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, axes[0], "middle", "s"),
        (
            f'<text class="s" text-anchor="middle" transform="translate(16 {(_TOP + base) / 2:.0f})'
            f' rotate(-90)">{escape(axes[1])}</text>'
        ),
    ]
    # The first is drawn last: lines near the ideal cover each other.
    for line, colour in reversed([*zip(series, COLOURS, strict=False)]):
        shown = [at(x, y) for x, y in line.points if x <= right]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2.2"'
            f' stroke-linejoin="round"{_dash(line)} points="{path}"/>'
        )
    # The legend, at the lower right: rising lines leave it free.
    for number, (line, colour) in enumerate(zip(series, COLOURS, strict=False)):
        y = base - 14 - 20 * (len(series) - 1 - number)
        parts += [
            (
                f'<rect x="{_WIDTH - 250}" y="{y - 14}" width="236" height="20" fill="#fff"'
                ' fill-opacity=".8"/>'
            ),
            (
                f'<line x1="{_WIDTH - 245}" x2="{_WIDTH - 221}" y1="{y - 4}" y2="{y - 4}"'
                f' stroke="{colour}" stroke-width="3"{_dash(line)}/>'
            ),
            _text(_WIDTH - 213, y, line.name, "start"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def bars(title: str, subtitle: str, unit: str, groups: Sequence[Group]) -> str:
    """Return a plot of horizontal bars in groups, each group to its own scale.

    Args:
        title: What the plot shows.
        subtitle: How it was measured.
        unit: The unit of the values.
        groups: Groups with the same series in each.
    """
    bar, left = 24, 170
    height = _TOP + sum(34 + (bar + 6) * len(group.values) for group in groups) + 6
    parts = _frame(title, subtitle, height)
    y = _TOP + 8
    for group in groups:
        parts.append(f'<text x="20" y="{y + 14}" font-weight="600">{escape(group.name)}</text>')
        y += 26
        most = max(group.values.values())
        for (name, value), colour in zip(group.values.items(), COLOURS, strict=False):
            width = value / most * (_WIDTH - left - 110)
            parts += [
                _text(left - 10, y + 16, name, "end"),
                (
                    f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{bar}" rx="2"'
                    f' fill="{colour}"/>'
                ),
                _text(left + width + 8, y + 16, f"{_number(value)} {unit}", "start", "s"),
            ]
            y += bar + 6
        y += 8
    return "\n".join([*parts, "</svg>", ""])


def _frame(title: str, subtitle: str, height: int = _HEIGHT) -> list[str]:
    return [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
            f' aria-label="{escape(title)}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="20" y="24">{escape(title)}</text>',
        f'<text class="s" x="20" y="43">{escape(subtitle)}</text>',
    ]


def _dash(line: Line) -> str:
    return ' stroke-dasharray="6 4"' if line.dashed else ""


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _ticks(most: float) -> list[float]:
    """Return about five round numbers from 0 to at most a step beyond `most`."""
    rough = most / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [number * step for number in range(int(most / step + 1e-9) + 1)]


def _number(value: float) -> str:
    if value >= 1000:  # noqa: PLR2004 - where a separator helps
        return f"{value:,.0f}"
    return f"{value:.3g}"
