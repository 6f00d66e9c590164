"""What is installed on this machine, and whether the stack files are right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from infra.git_sources import run_git
from runtask.doctor.check import Check, Verdict
from runtask.errors import ProjectError
from runtask.stack_files import check_stack_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtask.project import Project

# The packages of the program that a deployment runs, and of this command.
_PACKAGES: Final = ("boto3", "pulumi", "pulumi-aws")

_INSTALL_CLI: Final = "install it: https://www.pulumi.com/docs/install/"

# The longest that the Pulumi CLI may take to say its version.
_MAX_CLI_SECONDS: Final = 30


def machine_checks(project: Project) -> Iterator[Check]:
    """Yield what is true of this machine and of the project's files.

    Args:
        project: The Pulumi files.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    python = sys.version.split()[0]
    yield _check("python", Verdict.OK, f"Python {python}, {versions}")
    yield from _pulumi_checks()
    yield _checkout(project)
    yield _files(project)


def _check(name: str, verdict: Verdict, found: str, fix: str = "") -> Check:
    return Check(stage="", check=name, verdict=verdict, found=found, fix=fix)


def _pulumi_checks() -> Iterator[Check]:
    cli = shutil.which("pulumi")
    if cli is None:
        yield _check("pulumi-cli", Verdict.FAIL, "the Pulumi CLI is not on the PATH", _INSTALL_CLI)
        return
    found = _output(cli, "version")
    if found is None:
        yield _check("pulumi-cli", Verdict.FAIL, f"{cli} does not say its version", _INSTALL_CLI)
        return
    installed, package = _major(found), _major(version("pulumi"))
    verdict = Verdict.OK if installed == package else Verdict.FAIL
    fix = "" if verdict is Verdict.OK else f"install version {package} of the CLI; {_INSTALL_CLI}"
    yield _check("pulumi-cli", verdict, f"Pulumi CLI {found.strip()}", fix)
    yield _plugin(cli)


def _plugin(cli: str) -> Check:
    wanted = version("pulumi-aws")
    listed = _output(cli, "plugin", "ls", "--json") or "[]"
    plugins = {(one.get("name"), one.get("version")) for one in json.loads(listed)}
    if ("aws", wanted) in plugins:
        return _check("pulumi-plugin", Verdict.OK, f"AWS plugin {wanted}")
    return _check(
        "pulumi-plugin",
        Verdict.WARN,
        f"the AWS plugin {wanted} is not installed; the CLI downloads it at the first deployment",
        f"run: pulumi plugin install resource aws {wanted}",
    )


def _output(*command: str) -> str | None:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own CLI
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MAX_CLI_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _major(text: str) -> str:
    found = re.search(r"\d+", text)
    return found[0] if found else ""


def _checkout(project: Project) -> Check:
    """Return whether a promotion can rebuild artifacts here."""
    head = run_git(project.checkout, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return _check("git", Verdict.FAIL, "git is not installed", "install git")
    if head.returncode != 0:
        return _check(
            "git",
            Verdict.WARN,
            f"{project.checkout.resolve()} is not a git checkout; nothing can be promoted from it",
            "run: git clone URL",
        )
    shallow = run_git(project.checkout, "rev-parse", "--is-shallow-repository")
    if shallow is not None and shallow.stdout.strip() == b"true":
        return _check(
            "git",
            Verdict.WARN,
            "the checkout has no history; a promotion rebuilds the artifact from its commit",
            "run: git fetch --unshallow",
        )
    return _check("git", Verdict.OK, f"a checkout at commit {head.stdout.decode().strip()}")


def _files(project: Project) -> Check:
    stacks = project.stacks()
    if not stacks:
        return _check("stack-files", Verdict.FAIL, "there are none", "run: runtask init")
    try:
        check_stack_files(project)
    except ProjectError as error:
        return _check(
            "stack-files", Verdict.FAIL, str(error), "correct the file, or run: runtask init"
        )
    return _check("stack-files", Verdict.OK, f"{len(stacks)} files are right: {', '.join(stacks)}")
