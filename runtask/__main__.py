"""The command `runtask`, also as `python -m runtask`."""

from __future__ import annotations

import sys

from runtask.exit_codes import ExitCode


def run() -> None:
    """Run the command; Ctrl-C while it is still being imported ends it without a traceback."""
    try:
        from runtask.cli import main  # noqa: PLC0415 - the import is what takes the time

        main()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    run()
