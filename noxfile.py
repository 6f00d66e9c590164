"""Every task of a developer or operator; `nox -l` lists them."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "scan", "tests"]

CODE = ("dev", "bench", "function", "infra", "noxfile.py", "rehearsal", "runtask", "tests", "tools")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types, and the workflows."""
    install(session)
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)
    session.run("mypy")
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def scan(session: nox.Session) -> None:
    """Look for insecure code, and for IAM documents that grant too much."""
    install(session)
    session.run("ruff", "check", "--select", "S", *CODE)
    session.run("pytest", "-q", "tests/infra/test_iam_documents.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after -- go to pytest."""
    install(session)
    # A file is one worker's: its tests share an embedded AWS.
    session.run("pytest", "--numprocesses=auto", "--dist=loadfile", *session.posargs)


@nox.session(default=False)
def local(session: nox.Session) -> None:
    """Rehearse everything on an embedded AWS; --keep leaves it running."""
    install(session)
    session.run("python", "-m", "rehearsal", *session.posargs)


@nox.session(default=False)
def send(session: nox.Session) -> None:
    """Send messages: nox -s send -- examples/run-task.json --stage dev."""
    install(session)
    session.run("python", "-m", "runtask", "send", *session.posargs)


@nox.session(default=False)
def promote(session: nox.Session) -> None:
    """Promote what a stage runs to another: nox -s promote -- dev prod."""
    install(session)
    session.run("python", "-m", "runtask", "promote", *session.posargs)


@nox.session(default=False)
def stages(session: nox.Session) -> None:
    """Show what every stage runs, and whether it is what it should run."""
    install(session)
    session.run("python", "-m", "runtask", "stages", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the handler, the drain and real time; which and how often after --."""
    install(session)
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(default=False)
def bundle(session: nox.Session) -> None:
    """Build the handler's artifact into dist/ and print its path."""
    install(session)
    session.run("python", "-m", "infra.bundle")


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
    everything = "requirements-dev.txt"
    session.install("uv")
    session.run(*compile_, "pyproject.toml", "--extra", "dev", "-o", everything)
    for output, *source in (
        ("requirements.txt", "pyproject.toml"),
        ("requirements-nox.txt", "requirements-nox.in"),
        ("function/requirements.txt", "function/requirements.in"),
    ):
        session.run(*compile_, *source, "-c", everything, "-o", output)


def install(session: nox.Session) -> None:
    """Install what everything here needs: one set of pins, the same in every session."""
    session.install("--require-hashes", "-r", "requirements-dev.txt")
