"""Writes what checkov scans, and the controls: `python -m tools.scan_plan FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.registrations import register
from tools.scan_controls import CONTROLS, bad_resources
from tools.terraform_plan import address, render


def main(folder: str) -> None:
    """Write `plan.json` and `controls.json`: the check that has to fail, by address."""
    resources = register().resources
    bad = bad_resources(resources)
    controls = {
        address(key, resource): control.check
        for control, (key, resource) in zip(CONTROLS, bad.items(), strict=True)
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in (("plan", render({**resources, **bad})), ("controls", controls)):
        Path(folder, f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
