"""The file that the Pulumi engine runs.

The engine puts this folder first on `sys.path` instead of the project's root. A module here could
then shadow one of the standard library, and the package `function` would not be found. So the root
replaces the folder, and imports work as they do everywhere else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent

sys.path[:] = [path for path in sys.path if path == "" or Path(path).resolve() != FOLDER]
sys.path.insert(0, str(FOLDER.parent))

from infra.program import main  # noqa: E402 - needs the path above

main()
