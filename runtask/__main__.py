"""The command `runtask`, also as `python -m runtask`."""

from __future__ import annotations

import sys

from runtask.errors import ExitCode


def run() -> None:
    """Run the command; Ctrl-C during the imports ends it without a traceback too."""
    try:
        from runtask.cli import main  # noqa: PLC0415 - the imports take most of the start

        main()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    run()
