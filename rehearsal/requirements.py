"""What the rehearsal needs on this machine, checked before anything is started.

The Pulumi CLI runs the program with the Python environment of this process. Two environments have
what both sides need: the one of `./dev -s local`, and the one of `pulumi install` once the
requirements for development are installed into it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMULATOR: Final = "the package ministack, which is the embedded AWS,"
# What is imported of it, and of what it is made of.
_EMULATOR_PACKAGES: Final = {
    "ministack": _EMULATOR,
    "hypercorn": "the package hypercorn, the web server of the embedded AWS,",
}
_INSTALL_EMULATOR: Final = "pip install --no-deps -r requirements-dev.txt"
_INSTALL_CLI: Final = "install it: https://www.pulumi.com/docs/install/"


def check_emulator() -> None:
    """Check that the packages of the embedded AWS are installed.

    Raises:
        RuntaskError: if it is not; the text has the command that installs it.
    """
    for package, what in _EMULATOR_PACKAGES.items():
        if find_spec(package) is None:
            raise RuntaskError(_missing(what, _INSTALL_EMULATOR))


def check_pulumi() -> None:
    """Check that the Pulumi CLI can run the program and deploy it to the embedded AWS.

    Raises:
        RuntaskError: if anything is missing; the text names all of it, with the commands that
            install it.
    """
    problems = list(_problems())
    if problems:
        raise RuntaskError("--engine pulumi cannot run:\n  " + "\n  ".join(problems))


def _problems() -> Iterator[str]:
    if find_spec("ministack") is None:
        yield _missing(_EMULATOR, _INSTALL_EMULATOR)
    if find_spec("cbor2") is None:
        yield _missing("the package cbor2, for the AWS plugin's alarms,", _INSTALL_EMULATOR)
    # The CLI finds out by `python -m pip list` which plugins the program's packages need.
    if find_spec("pip") is None:
        yield _missing("pip, which the Pulumi CLI calls,", "ensurepip")
    cli = shutil.which("pulumi")
    if cli is None:
        yield f"the Pulumi CLI is not on the PATH; {_INSTALL_CLI}"
        return
    wanted = version("pulumi-aws")
    command = [cli, "plugin", "ls", "--json"]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(  # noqa: S603 - the operator's own CLI
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        yield f"pulumi plugin ls: {done.stderr.strip()}"
        return
    plugins = {(plugin["name"], plugin.get("version")) for plugin in json.loads(done.stdout)}
    if ("aws", wanted) not in plugins:
        yield (
            f"the AWS plugin {wanted} is not installed; run: pulumi plugin install resource aws "
            f"{wanted}"
        )


def _missing(what: str, command: str) -> str:
    return (
        f"{what} is not installed in {sys.prefix}; run ./dev -s local, whose environment has it, "
        f"or run: {sys.executable} -m {command}"
    )
