"""Writes what the evaluator reads: `python -m tools.iam FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.iam.simulations import digest, simulations

found = simulations()
target = Path(sys.argv[1])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(
    json.dumps({"inputs": digest(found), "simulations": found}, indent=1), encoding="utf-8"
)
