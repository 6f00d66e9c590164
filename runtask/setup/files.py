"""Reads the stack files that there are, and writes new ones or changes in them.

In a file that exists nothing changes but what differs between the stages before and after:
comments, order, quotes and every option that `runtask init` does not know stay.
"""

from __future__ import annotations

import difflib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from infra.config import BUILD
from infra.names import BOOTSTRAP_SUFFIX, PROJECT
from runtask.project import PROJECT_FILE, load_project
from runtask.promotion.pin import dumped, replace_file, round_trip_yaml
from runtask.routes import routes
from runtask.setup.stages import Setup, StagePlan, Values
from runtask.stack_files import check_stack_files

if TYPE_CHECKING:
    from runtask.project import Project

# The accounts of the sample files of a fresh clone. They are nobody's.
SAMPLE_ACCOUNTS: Final = frozenset({"111111111111", "222222222222"})

_SCHEMA: Final = "# yaml-language-server: $schema=schemas/stack.schema.json"

# Text that YAML reads as the same text without quotes.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./*?-]*|arn:[A-Za-z0-9:_./*?@+=,-]+[A-Za-z0-9*?]")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """A stack's file before and after.

    Attributes:
        path: The file.
        before: Its text; empty if it does not exist.
        after: Its text; empty if it is to be deleted.
    """

    path: Path
    before: str
    after: str

    @property
    def action(self) -> str:
        """What becomes of the file: created, changed, deleted or unchanged."""
        if self.before == self.after:
            return "unchanged"
        if not self.before:
            return "created"
        return "changed" if self.after else "deleted"

    def difference(self) -> str:
        """Return the change as a unified diff, or the whole text of a new file."""
        if not self.before:
            return self.after
        name = self.path.name
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), name, name, lineterm=""
        )
        return "\n".join(lines) + "\n"


def is_sample(setup: Setup) -> bool:
    """Return whether the stages are those of a fresh clone."""
    return {stage.account for stage in setup.stages} <= SAMPLE_ACCOUNTS


def read_setup(project: Project) -> Setup:
    """Return the stages that there are files of.

    Raises:
        ProjectError: if a file is wrong.
    """
    if not project.stages():
        return Setup()
    return Setup(
        stages=tuple(_read_stage(project, route.stage, route.source) for route in routes(project))
    )


def _read_stage(project: Project, stage: str, source: str) -> StagePlan:
    config = project.stage_config(stage)
    bootstrap = project.stack_config(config.bootstrap)
    usual = config.bootstrap == f"{stage}{BOOTSTRAP_SUFFIX}"
    return StagePlan(
        name=stage,
        account=config.location.account,
        region=config.location.region,
        source=source,
        bootstrap="" if usual else config.bootstrap,
        clusters=config.clusters,
        task_definitions=config.task_definitions,
        task_roles=config.task_roles,
        execution_roles=config.execution_roles,
        deploy_principals=tuple(json.loads(bootstrap.get(f"{PROJECT}:deployPrincipals", "[]"))),
    )


def changes(project: Project, before: Setup, after: Setup) -> list[FileChange]:
    """Return what becomes of every stack's file.

    Args:
        project: The Pulumi files.
        before: The stages as the files say them; without any, all files are written anew.
        after: The stages as they are to be.

    Raises:
        ProjectError: if the files would be wrong; nothing was written.
    """
    old, new = before.stacks(), after.stacks()
    found = []
    for stack in dict.fromkeys((*old, *new)):
        path = project.stack_file(stack)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if stack not in new:
            changed = ""
        elif stack in old and text:
            changed = _changed(text, old[stack], new[stack])
        else:
            changed = _new_file(stack, new[stack], after)
        found.append(FileChange(path=path, before=text, after=changed))
    if not before.stages:  # a sample that is replaced by stages with other names
        found += [
            FileChange(path=path, before=path.read_text(encoding="utf-8"), after="")
            for stack in project.stacks()
            if stack not in new and (path := project.stack_file(stack))
        ]
    _check(project, found)
    return found


def write(found: list[FileChange]) -> None:
    """Write the files that change."""
    for change in found:
        if change.action == "deleted":
            change.path.unlink()
        elif change.action != "unchanged":
            replace_file(change.path, change.after)


def _check(project: Project, found: list[FileChange]) -> None:
    """Check all files as they are to be."""
    with tempfile.TemporaryDirectory(prefix="ecs-run-task-") as temporary:
        folder = Path(temporary)
        text = (project.folder / PROJECT_FILE).read_text(encoding="utf-8")
        (folder / PROJECT_FILE).write_text(text, encoding="utf-8")
        for change in found:
            if change.after:
                (folder / change.path.name).write_text(change.after, encoding="utf-8")
        check_stack_files(load_project(folder))


def _changed(text: str, old: Values, new: Values) -> str:
    """Return a file's text with the differences between two configurations."""
    if old == new:
        return text
    account, new_account = old["aws:allowedAccountIds"][0], new["aws:allowedAccountIds"][0]
    region, new_region = old["aws:region"], new["aws:region"]
    # An account's id stands for nothing else, not even in a comment.
    text = text.replace(account, new_account)
    yaml = round_trip_yaml()
    content = yaml.load(text)
    config = content["config"]
    if region != new_region:
        _replace_text(config, region, new_region)
    old = json.loads(json.dumps(old).replace(account, new_account).replace(region, new_region))
    for key in dict.fromkeys((*old, *new)):
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if isinstance(now, list) and isinstance(config.get(key, []), list):
            _change_list(config, key, was or [], now)
        elif now is None:
            config.pop(key, None)
        else:
            config[key] = now
    return dumped(yaml, content)


def _change_list(config: dict[str, Any], key: str, was: list[str], now: list[str]) -> None:
    """Take out of a list what is no longer wanted, and add what is new; the rest stays."""
    items = config.setdefault(key, [])
    for item in was:
        if item not in now and item in items:
            items.remove(item)
    for item in now:
        if item not in items:
            items.append(DoubleQuotedScalarString(item) if item[:1].isdigit() else item)
    if not items:
        del config[key]


def _replace_text(node: Any, before: str, after: str) -> None:  # noqa: ANN401 - any YAML
    """Replace a region in every text of a file, in place."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(entries):
        if isinstance(value, (dict, list)):
            _replace_text(value, before, after)
        elif isinstance(value, str) and before in value:
            node[key] = type(value)(value.replace(before, after))  # with the quotes that it had


def _new_file(stack: str, values: Values, setup: Setup) -> str:
    """Return the text of a new file."""
    account = values["aws:allowedAccountIds"][0]
    if stack.endswith(BOOTSTRAP_SUFFIX):
        about = f"Bootstrap stack of account {account}; an administrator deploys it once."
    elif values.get(f"{PROJECT}:artifact") == BUILD:
        about = f"Function stack of the stage {stack}, which builds the artifact."
    else:
        source = setup.stage(stack).source
        about = (
            f"Function stack of the stage {stack}. `runtask promote {source} {stack}` sets "
            f"`{PROJECT}:artifact`."
        )
    lines = [_SCHEMA, f"# {about}", "config:"]
    lines += [
        line for key, value in values.items() if value != [] for line in _lines(key, value, "  ")
    ]
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any, indent: str) -> list[str]:  # noqa: ANN401 - any YAML
    """Return the lines of a key and its value."""
    if isinstance(value, dict):
        inner = [line for name, item in value.items() for line in _lines(name, item, f"{indent}  ")]
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list):
        return [f"{indent}{key}:", *(f"{indent}  - {_item(item)}" for item in value)]
    return [f"{indent}{key}: {_scalar(str(value))}"]


def _item(item: str | dict[str, str]) -> str:
    if isinstance(item, str):
        return _scalar(item)
    ((key, value),) = item.items()
    return f"{key}: {_scalar(value)}"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
