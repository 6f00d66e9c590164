"""Every task of a developer or operator; `nox -l` lists them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "scan", "tests"]

CODE = ("dev", "bench", "function", "infra", "noxfile.py", "rehearsal", "runtask", "tests", "tools")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, types and workflows; look for dead and duplicated code."""
    install(session)
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)
    session.run("mypy")
    # Without the tests: what only they use is dead.
    session.run("vulture", *(path for path in CODE if path != "tests"))
    refuse_duplicates(session)
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def scan(session: nox.Session) -> None:
    """Look for insecure code, for IAM documents that grant too much, and run checkov."""
    install(session)
    session.run("ruff", "check", "--select", "S", *CODE)
    session.run("pytest", "-q", "tests/infra/test_iam_documents.py", *session.posargs)
    session.run("python", "-m", "tools.scan_plan", SCANNED)
    session.notify("checkov", [])


# The resources of all example stacks as `scan` renders them, and checkov's report.
SCANNED: Final = "build/scan"


@nox.session(default=False)
def checkov(session: nox.Session) -> None:
    """Scan the resources that `scan` rendered; it runs after `scan`, offline."""
    # An environment of its own: checkov pins boto3, and a hundred packages come with it.
    session.install("--no-deps", "--require-hashes", "-r", "requirements-scan.txt")
    plan, report = f"{SCANNED}/plan.json", f"{SCANNED}/report.json"
    if not Path(plan).exists():
        session.error(f"{plan} is missing; run: nox -s scan")
    options = ("--framework", "terraform_plan", "--skip-download", "--soft-fail", "--quiet")
    with Path(report).open("w", encoding="utf-8") as output:
        session.run("checkov", "--file", plan, *options, "--output", "json", stdout=output)
    session.run("python", "-m", "tools.scan", report, f"{SCANNED}/controls.json")


# The second evaluator is no Python: its own folder has its pins and their hashes.
EVALUATOR: Final = "tools/iam"
VERDICTS: Final = "tests/infra/iam_verdicts.json"


@nox.session(default=False)
def iam(session: nox.Session) -> None:
    """Judge the IAM documents with a second evaluator, and write its verdicts; needs Node.js."""
    if shutil.which("npm") is None:
        session.skip("npm is not on the PATH; install Node.js 20 or newer")
    install(session)
    simulations = "build/iam/simulations.json"
    session.run("python", "-m", "tools.iam", simulations)
    with session.chdir(EVALUATOR):
        session.run("npm", "ci", "--silent", "--no-audit", "--no-fund", external=True)
    session.run("node", f"{EVALUATOR}/evaluate.mjs", simulations, VERDICTS, external=True)
    session.run("pytest", "-q", "tests/infra/test_iam_verdicts.py")


@nox.session(default=False)
def guards(session: nox.Session) -> None:
    """Take away one guard at a time and compare the tests that fail; names of guards after --."""
    install(session)
    session.run("python", "-m", "tools.guards", *session.posargs)


# Line and branch coverage of what runs in an account, or decides what exists there.
MIN_COVERAGE_PERCENT: Final = 95
COVERED: Final = ("function", "infra")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, and check the coverage; arguments after -- go to pytest and skip the check."""
    install(session)
    # All tests of a file run in one worker: they share an embedded AWS. One worker more than there
    # are cores: many tests wait for the embedded AWS, or for its clock.
    workers = (os.cpu_count() or 1) + 1
    run = ("pytest", f"--numprocesses={workers}", "--dist=loadfile")
    if session.posargs:
        session.run(*run, *session.posargs)
        return
    session.run(*run, "--cov", "--cov-report=")
    for package in COVERED:
        limit = f"--fail-under={MIN_COVERAGE_PERCENT}"
        session.run("coverage", "report", f"--include={package}/*", limit)


@nox.session(default=False)
def local(session: nox.Session) -> None:
    """Rehearse everything on an embedded AWS; --keep leaves it running."""
    install(session)
    command(session, "rehearsal")


@nox.session(default=False)
def send(session: nox.Session) -> None:
    """Send messages: nox -s send -- examples/run-task.json --stage dev."""
    install(session)
    command(session, "runtask", "send")


@nox.session(default=False)
def promote(session: nox.Session) -> None:
    """Promote what a stage runs to another: nox -s promote -- dev prod."""
    install(session)
    command(session, "runtask", "promote")


@nox.session(default=False)
def stages(session: nox.Session) -> None:
    """Show what every stage runs, and whether it is what it should run."""
    install(session)
    command(session, "runtask", "stages")


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Run both models, of launches and of outcomes, on many seeds: nox -s soak -- --seeds 10000."""
    install(session)
    session.run("python", "-m", "tests.model.simulation", *session.posargs)
    session.run("python", "-m", "tests.model.outcomes.simulation", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the handler, the drain and real time; which and how often after --."""
    install(session)
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Change function/ in small ways and count what no test notices; --sample N of a module."""
    install(session)
    session.install("--require-hashes", "-r", "requirements-mutation.txt")
    session.run("python", "-m", "bench.mutation", *session.posargs)


# The packages of the wheel; the rehearsal is for a checkout.
SHIPPED: Final = ("function", "infra", "runtask")


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Check that version, changelog and tag agree, build the wheel: nox -s release -- v0.1.0."""
    install(session)
    session.install("--require-hashes", "-r", "requirements-nox.txt")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = Path("CHANGELOG.md").read_text(encoding="utf-8")
    try:
        notes = release_notes(changelog, project["version"], *session.posargs)
    except ValueError as error:
        session.error(str(error))
    folder = Path("dist", "release")
    for path in folder.glob("*"):
        path.unlink()
    # The pinned setuptools of this environment builds it, not whichever is the newest.
    session.run("uv", "build", "--wheel", "--no-build-isolation", "--out-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packages = {name.partition("/")[0] for name in archive.namelist()}
    unexpected = {name for name in packages if not name.endswith(".dist-info")} - {*SHIPPED}
    if unexpected:
        session.error(f"{wheel} has {sorted(unexpected)}; expected only {SHIPPED}")
    # What the handler of this release is made of, and under which digest it is deployed.
    session.run("python", "-m", "infra.sbom", str(folder))
    Path(folder, "notes.md").write_text(notes, encoding="utf-8")
    session.log(f"built {wheel}; its notes are in {folder}/notes.md")


def release_notes(changelog: str, version: str, tag: str | None = None) -> str:
    """Return the changelog's section of a release.

    Args:
        changelog: The text of CHANGELOG.md.
        version: The version in pyproject.toml.
        tag: The tag of the release; without one, the section `Unreleased` will do.

    Raises:
        ValueError: if the three do not agree, or the section is missing or empty.
    """
    if tag is not None and tag != f"v{version}":
        raise ValueError(
            f"the tag is {tag}, and pyproject.toml has the version {version}; expected the tag "
            f"v{version}, or set the version to {tag.removeprefix('v')}"
        )
    sections = dict(re.findall(r"^## (\S+).*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE))
    titles = (version,) if tag is not None else (version, "Unreleased")
    notes = next((text.strip() for title in titles if (text := sections.get(title))), "")
    if not notes:
        raise ValueError(
            f"CHANGELOG.md has no section {titles[0]} with text; expected "
            f'"## {version} - YYYY-MM-DD" with what changed'
        )
    return f"{notes}\n"


@nox.session(default=False)
def bundle(session: nox.Session) -> None:
    """Build the handler's artifact and its bill of materials into dist/ and print their paths."""
    install(session)
    session.run("python", "-m", "infra.sbom")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Regenerate the pages and pictures in docs/ that are derived from the code."""
    install(session)
    session.run("python", "-m", "tools")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin the newest versions that fit, with hashes, in every requirements file."""
    options = ("--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade")
    quiet = ("--quiet", "--no-emit-index-url", "--no-annotate", "--no-header")
    compile_ = ("uv", "pip", "compile", *options, *quiet)
    session.install("uv")
    # What operators install comes first, and everything else follows it.
    product, everything = "requirements.txt", "requirements-dev.txt"
    session.run(*compile_, "pyproject.toml", "-o", product)
    overrides = Path(session.create_tmp(), "overrides.txt").resolve()
    pins = re.findall(r"^(\S+)==(\S+)", Path(product).read_text(encoding="utf-8"), re.MULTILINE)
    lines = [f"{name}=={version}\n" for name, version in pins if name in OVERRIDDEN]
    overrides.write_text("".join(lines), encoding="utf-8")
    for output, *source in (
        (everything, "pyproject.toml", "--extra", "dev", "--overrides", str(overrides)),
        ("function/requirements.txt", "function/requirements.in"),
    ):
        session.run(*compile_, *source, "-c", product, "-o", output)
    for name in ("nox", "mutation"):
        origin, output = f"requirements-{name}.in", f"requirements-{name}.txt"
        session.run(*compile_, origin, "-c", everything, "-o", output)
    session.run(*compile_, "requirements-scan.in", "-o", "requirements-scan.txt")


# Of these, the operators' version counts: the emulator pins one, and is tested with another.
OVERRIDDEN: Final = ("botocore",)


def command(session: nox.Session, *module: str) -> None:
    """Run a command of ours with the arguments after --; stdout has its results and nothing else.

    Otherwise nox sends both streams of what it runs to stdout, and `| jq` reads progress as JSON.
    """
    session.run("python", "-m", *module, *session.posargs, stderr=sys.stderr)


def install(session: nox.Session) -> None:
    """Install what everything here needs: one set of pins, the same in every session."""
    # Without dependencies: all are in the file, and one of them contradicts the emulator's own pin.
    session.install("--no-deps", "--require-hashes", "-r", "requirements-dev.txt")


def refuse_duplicates(session: nox.Session) -> None:
    """Fail if five or more lines of code stand in two files.

    `symilar` is pylint's check of duplicated code. Inside pylint it takes minutes and gigabytes,
    because pylint follows every import, down into pulumi_aws.
    """
    files = session.run("git", "ls-files", "dev", "*.py", external=True, silent=True)
    options = (
        "--ignore-comments",
        "--ignore-docstrings",
        "--ignore-imports",
        "--ignore-signatures",
    )
    found = session.run("symilar", "--duplicates=5", *options, *str(files).split(), silent=True)
    if "duplicates=0" not in str(found):
        session.error(f"the same code stands twice; share it:\n{found}")
