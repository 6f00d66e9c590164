"""The rehearsal as `python -m rehearsal`."""

from __future__ import annotations

from rehearsal.cli import main

main()
