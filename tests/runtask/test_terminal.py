"""At a terminal of 80 or 120 columns nothing is cut, and NO_COLOR takes the colours away."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import Final

import pytest

from tests.runtask.conftest import ROOT

ROWS: Final = 50
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


def at_terminal(columns: int, *arguments: str, no_color: bool = False) -> str:
    """Return what the command writes to a terminal of its own, both streams together."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environment = {
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"NO_COLOR": "1"} if no_color else {}),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=child,
        stdout=child,
        stderr=child,
    ):
        os.close(child)
        written = b""
        try:
            while part := os.read(parent, 65536):
                written += part
        except OSError:  # how Linux says that the other end was closed
            pass
    os.close(parent)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("verb", ["stages", "doctor"])
def test_no_line_of_a_table_is_longer_than_the_terminal_and_no_id_is_cut(
    columns: int, verb: str
) -> None:
    text = _ESCAPE.sub("", at_terminal(columns, verb))
    table = [line for line in text.splitlines() if not line.startswith("runtask: ")]
    assert max(map(len, table)) <= columns
    for account in ("111111111111", "222222222222"):
        assert account in text
    assert "…" not in text


def test_an_error_is_below_the_table_in_a_line_of_its_own() -> None:
    lines = _ESCAPE.sub("", at_terminal(80, "stages")).splitlines()
    errors = [line for line in lines if line.startswith("runtask: stage ")]
    assert [line.split(":")[1].strip() for line in errors] == ["stage dev", "stage prod"]
    assert lines[-2:] == errors
    assert all("the Pulumi CLI is not on the PATH" in line for line in errors)


@pytest.mark.parametrize("no_color", [True, False])
def test_an_error_is_red_unless_no_color_is_set(no_color: bool) -> None:  # noqa: FBT001
    text = at_terminal(80, "stages", no_color=no_color)
    assert bool(_COLOUR.search(text)) != no_color
