"""The file that the Pulumi engine runs.

The engine puts this folder first on `sys.path` and not the project's root. That would let a module
of ours shadow one of the standard library, and would hide the package `function`; so the root takes
the folder's location, and everything is imported as everybody else imports it.
"""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

sys.path[:] = [path for path in sys.path if path == "" or Path(path).resolve() != FOLDER]
sys.path.insert(0, str(FOLDER.parent))

from infra.program import main  # noqa: E402 - only importable from here on

main()
