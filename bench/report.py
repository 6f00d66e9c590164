"""Tables for the terminal and the README, and the plots, from `results.json`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import against, drain, handler, outcomes, plot, realtime, send
from bench.policies import OURS_RETRIED
from bench.results import judged, shown, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.results import Results

_FOLDER: Final = Path(__file__).parent
README: Final = _FOLDER / "README.md"

_HANDLER_ROWS: Final = (
    ("wall, ms a message", "wall {} ms"),
    ("CPU, ms a message", "cpu {} ms"),
    ("first invocation, s", "first {} s"),
    ("peak memory, MB", "peak {} MB"),
    ("connections", "connections {}"),
)
_DELIVERIES: Final = {
    "ours": "first",
    "with_key": "first, with a key",
    "redelivered": "second, with a key",
    "launched_before": "third, with a key: launched before",
    "count_ten": "first, count 10",
}
_HANDLER_MORE: Final = (
    "import ours s",
    "import client s",
    "peak client MB",
    "first batch at the share s",
    "first batch at the share, CPU s",
    "wall ours at the share ms",
    "wall ancestor at its share ms",
    "wall, times better than the ancestor, each at its CPU share",
    "wall, floor, times better than the ancestor",
)
_DRAIN_COLUMNS: Final = (
    ("times ideal", "ratio"),
    ("times ideal, 99 %", "ratio99"),
    ("launched", "launched"),
    ("twice", "twice"),
    ("in the DLQ", "dead"),
    ("throttled", "throttled"),
    ("receives", "receives"),
    ("calls", "calls"),
    ("table calls", "table"),
    ("replays", "replays"),
    ("conflicts", "conflicts"),
    ("GB-s", "gigabyte_seconds"),
    ("others refused", "others_refused"),
)
_REALTIME_COLUMNS: Final = (
    ("seconds", "seconds"),
    ("times ideal", "ratio"),
    ("times 20 s", "ratio to 20 s"),
    ("started", "started"),
    ("twice", "twice"),
    ("in the DLQ", "dead"),
    ("throttled", "throttled"),
)


def sections(results: Results) -> dict[str, str]:
    """Return the generated sections of the README, by name."""
    made = {"goals": _goals(results)}
    if "handler" in results:
        made["handler"] = _handler(results)
    if "against" in results:
        made["against"] = _against(results)
    if "drain" in results:
        made["drain"] = _drain(results)
    if "outcomes" in results:
        made["outcomes"] = _outcomes(results)
    if "realtime" in results:
        subjects = list(realtime.POLICIES)
        made["realtime"] = _meta(results, "realtime") + _table(
            ("policy", *(title for title, _ in _REALTIME_COLUMNS)),
            (
                [name, *(_cell(results, "realtime", name, key) for _, key in _REALTIME_COLUMNS)]
                for name in subjects
            ),
        )
    if "send" in results:
        figures = ([figure, _cell(results, "send", "", figure)] for figure in send.FIGURES)
        made["send"] = _meta(results, "send") + _table(("", "median (range)"), figures)
    return made


def write(results: Results) -> None:
    """Write the figures between the markers of the README, and draw the plots."""
    text = README.read_text(encoding="utf-8")
    for name, section in sections(results).items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, section=section: f"{match[1]}{section}{match[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    README.write_text(text, encoding="utf-8")
    for name, svg in _plots(results).items():
        (_FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


def _goals(results: Results) -> str:
    rows = (
        [
            goal.bench,
            goal.name,
            f"{'≥' if goal.at_least else '≤'} {shown(goal.limit)}",
            str(value),
            "met" if holds else "**missed**",
        ]
        for goal, value, holds in judged(results)
    )
    return _table(("benchmark", "figure", "goal", "measured: median (range)", ""), rows)


def _handler(results: Results) -> str:
    names = ("ours", "ancestor", "floor")
    rows = (
        [title, *(_cell(results, "handler", "", key.format(name)) for name in names)]
        for title, key in _HANDLER_ROWS
    )
    more = ([key, _cell(results, "handler", "", key)] for key in _HANDLER_MORE)
    return (
        _meta(results, "handler")
        + _table(("", *names), rows)
        + "\n"
        + _deliveries(results)
        + "\n"
        + _table(("", "median (range)"), more)
    )


def _deliveries(results: Results) -> str:
    rows = [
        [
            title,
            *(
                _cell(results, "handler", "", key.format(name))
                for key in ("wall {} ms", "cpu {} ms", "cpu {}, times a first delivery")
            ),
            *(_cell(results, "handler", "", f"{call} {name}") for call in handler.CALLS),
        ]
        for name, title in _DELIVERIES.items()
    ]
    head = ("delivery", "wall, ms", "CPU, ms", "CPU, times a first delivery", *handler.CALLS)
    return _table(head, rows)


def _against(results: Results) -> str:
    text = _meta(results, "against", f"commit {results['against']['meta']['commit']}")
    rows = (
        [
            figure,
            *(
                _cell(results, "against", "", f"{figure}, {which}")
                for which in ("ours", "reference", "times the reference")
            ),
        ]
        for figure in against.FIGURES
    )
    return text + _table(("", "ours", "reference", "times the reference"), rows)


def _drain(results: Results) -> str:
    text = _meta(results, "drain")
    for scenario in drain.SCENARIOS:
        rows = [
            [
                policy.name,
                *(
                    _cell(results, "drain", f"{scenario.name} | {policy.name}", key)
                    for _, key in _DRAIN_COLUMNS
                ),
            ]
            for policy in scenario.policies
        ]
        text += f"**{scenario.name}** (ideal: {shown(scenario.ideal_seconds)} s)\n\n"
        text += _table(("policy", *(title for title, _ in _DRAIN_COLUMNS)), rows) + "\n"
    return text


def _outcomes(results: Results) -> str:
    def rows(subjects: Iterable[str], figures: Sequence[str]) -> list[list[str]]:
        return [
            [subject, *(_cell(results, "outcomes", subject, figure) for figure in figures)]
            for subject in subjects
        ]

    added = (*outcomes.FIGURES, *outcomes.TIMES)
    memories = [f"{memory} MB" for memory in outcomes.MEMORIES_MEGABYTES]
    return (
        _meta(results, "outcomes")
        + _table(("adds", *added), rows(outcomes.OPTIONS, added))
        + _table(("", *outcomes.REPORTED), rows(("launch",), outcomes.REPORTED))
        + _table(("memory", *outcomes.AT_MEMORY), rows(memories, outcomes.AT_MEMORY))
    )


def _meta(results: Results, bench: str, reference: str = "") -> str:
    meta = results[bench]["meta"]
    runs = f"{meta['runs']} {f'pairs against {reference}' if reference else 'runs'}"
    return f"Measured on {meta['date']}, {runs}, {meta['machine']}.\n\n"


def _cell(results: Results, bench: str, subject: str, key: str) -> str:
    value = spread(results, bench, subject, key)
    return "-" if value is None else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def _plots(results: Results) -> dict[str, str]:
    plots = {}
    if "handler" in results:
        plots["handler"] = plot.bars(
            "What a message costs",
            "Medians; RunTask answers after 40 ms over TLS; ours and floor in batches of ten",
            "ms",
            [
                plot.Group(
                    name=title,
                    values={
                        name: _middle(results, "handler", "", f"{kind} {name} ms")
                        for name in ("ours", "ancestor", "floor")
                    },
                )
                for title, kind in (("Wall", "wall"), ("CPU", "cpu"))
            ],
        )
    if "drain" in results:
        steady = drain.SCENARIOS[0]
        plots["drain"] = plot.lines(
            "10,000 messages against 20 RunTask calls a second",
            "Simulated time, seed 1; a line that ends below 10,000 lost the rest to the DLQ",
            ("seconds", "messages launched"),
            _curves(
                {
                    policy.name: results["drain"]["runs"][0][f"{steady.name} | {policy.name}"]
                    for policy in steady.policies
                    if policy is not OURS_RETRIED  # its line is that of ours
                },
                steady.ideal_seconds,
            ),
            right=1250,
        )
    if "realtime" in results:
        run = results["realtime"]["runs"][0]
        right = max(figures["seconds"] for figures in run.values())
        plots["realtime"] = plot.lines(
            f"{realtime.TASKS} tasks through the embedded AWS",
            f"First run; the stand-in lets {realtime.RATE:g} calls a second pass",
            ("seconds", "tasks started"),
            _curves(
                {name: run[name] for name in realtime.POLICIES if name in run},
                realtime.IDEAL_SECONDS,
            ),
            right=right,
        )
    return plots


def _curves(run: dict[str, Any], ideal: float) -> list[plot.Line]:
    lines = []
    most = 1.0
    for name, figures in run.items():
        if figures.get("curve"):
            count = figures.get("launched", figures.get("started"))
            most = max(most, count)
            last = len(figures["curve"]) - 1
            points = [(x, index * count / last) for index, x in enumerate(figures["curve"])]
            lines.append(plot.Line(name=name, points=[(0.0, 0.0), *points]))
    # There is one colour for each policy. With all of them drawn, none is left for the ideal, which
    # ours covers anyway.
    if len(lines) < len(plot.COLOURS):
        lines.append(plot.Line(name="ideal", points=[(0, 0), (ideal, most)], dashed=True))
    return lines


def _middle(results: Results, bench: str, subject: str, key: str) -> float:
    value = spread(results, bench, subject, key)
    return value.middle if value is not None else 0.0
