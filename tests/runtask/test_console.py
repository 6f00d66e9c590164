"""Nothing that comes from somewhere else controls the operator's terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from runtask import console
from runtask.promotion import command

if TYPE_CHECKING:
    import pytest

# A title of the window, a cleared screen in eight bits, a line that is overwritten, and text that
# runs from right to left.
HOSTILE = "\x1b]0;approved\x07 \x9b2J \rok \u202etxet\u2028\x7f"
SHOWN = r"\u001b]0;approved\u0007 \u009b2J \u000dok \u202etxet\u2028\u007f"


def test_control_characters_are_shown_as_their_numbers() -> None:
    assert console.printable(HOSTILE) == SHOWN
    assert console.printable("a\tb\nGrüße, 世界") == "a\tb\nGrüße, 世界"


def test_progress_errors_and_tables_are_printable(capsys: pytest.CaptureFixture[str]) -> None:
    console.progress(HOSTILE)
    console.error(HOSTILE)
    console.table(("column",), [(HOSTILE,)])
    output = capsys.readouterr()
    assert output.err == f"{SHOWN}\nruntask: {SHOWN}\n"
    assert SHOWN in output.out
    assert "\x1b" not in output.out


def test_json_is_printable_and_has_the_same_value(capsys: pytest.CaptureFixture[str]) -> None:
    console.as_json({"text": HOSTILE})
    output = capsys.readouterr().out
    assert SHOWN[-12:] in output
    assert not any(character in output for character in HOSTILE if not character.isprintable())
    assert json.loads(output) == {"text": HOSTILE}


def test_a_question_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def confirm(question: str, *, err: bool) -> bool:
        assert err
        asked.append(question)
        return True

    monkeypatch.setattr("click.confirm", confirm)
    assert command._confirm(HOSTILE)
    assert asked == [SHOWN]
