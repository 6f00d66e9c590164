"""Reads Pulumi.yaml and the stacks' files as the Pulumi engine does."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.boundary import cluster_arns, outside, role_arns
from infra.bundle import ROOT
from infra.config import FunctionConfig, read_function_config
from infra.config_reader import ConfigError
from infra.names import BOOTSTRAP_SUFFIX
from infra.sender_choice import REPLACED
from runtask.errors import ProjectError
from runtask.provider_keys import NAMESPACE, provider_key_problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT_FILE: Final = "Pulumi.yaml"

_TYPES: Final[Mapping[str, type]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


_AS_STRINGS: Final[Mapping[str, re.Pattern[str]]] = {
    "boolean": re.compile("true|false"),
    "integer": re.compile("-?[0-9]+"),
}


# Files that are kept as they were parsed: a command reads each of a handful several times.
_PARSED_FILES: Final = 16


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Pulumi project.

    Attributes:
        folder: The folder of Pulumi.yaml.
        name: The project's name, which is the namespace of its configuration keys.
        declared: The section `config` of Pulumi.yaml.
    """

    folder: Path
    name: str
    declared: Mapping[str, Mapping[str, Any]]

    @property
    def checkout(self) -> Path:
        """The checkout of the project; of a copy of the files, the one that this code is of."""
        return self.folder if (self.folder / "infra").is_dir() else ROOT

    def stack_file(self, stack: str) -> Path:
        """Return the path of a stack's file."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def stacks(self) -> list[str]:
        """Return the names of all stacks that have a file."""
        files = self.folder.glob("Pulumi.*.yaml")
        return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in files)

    def stages(self) -> list[str]:
        """Return the names of the function stacks."""
        return [stack for stack in self.stacks() if not stack.endswith(BOOTSTRAP_SUFFIX)]

    def stack_config(self, stack: str) -> dict[str, str]:
        """Return a stack's configuration as the engine passes it to the program.

        Args:
            stack: The stack's name, as in `Pulumi.<stack>.yaml`.

        Returns:
            `namespace:key` to text, lists and objects as JSON, with the defaults of Pulumi.yaml.

        Raises:
            ProjectError: if the file is missing or not YAML, a key is not declared, or a value has
                another type than declared.
        """
        path = self.stack_file(stack)
        if not path.exists():
            known = self.stacks()
            near = difflib.get_close_matches(stack, known, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise ProjectError(
                f"{path.name} is missing in {self.folder.resolve()}; the stacks there are "
                f"{', '.join(known) or 'none'}{guess}"
            )
        values = _load(path).get("config") or {}
        config = {key: value["value"] for key, value in self.declared.items() if "value" in value}
        for key, declaration in self.declared.items():
            if ":" not in key and "default" in declaration:
                config[f"{self.name}:{key}"] = declaration["default"]
        for key, value in values.items():
            self._check(path.name, key, value)
            config[key] = value
        return {key: _text(value) for key, value in config.items()}

    def stage_config(self, stage: str) -> FunctionConfig:
        """Return a stage's configuration, checked as the program checks it.

        If the file of the account's bootstrap stack is here, the stage is checked against the
        roles and clusters that it allows too.

        Raises:
            ProjectError: naming file, key and fix.
        """
        if stage.endswith(BOOTSTRAP_SUFFIX):
            raise ProjectError(
                f"{stage} is the bootstrap stack of an account; expected a stage: "
                f"{', '.join(self.stages()) or 'there is none'}"
            )
        values = self.stack_config(stage)
        # Reading a stage does not require that an artifact is pinned.
        values[f"{self.name}:artifact"] = values.get(f"{self.name}:artifact") or "build"
        try:
            config = read_function_config(stage, values.get)
        except ConfigError as error:
            raise ProjectError(str(error)) from None
        if self.stack_file(config.bootstrap).exists():
            self._check_boundary(config, self.stack_config(config.bootstrap))
        return config

    def _check_boundary(self, config: FunctionConfig, bootstrap: Mapping[str, str]) -> None:
        """Check a stage's roles and clusters against what its account's administrator allows.

        An option that the bootstrap stack does not have, or that is an empty list, allows all.
        """
        location = config.location
        accounts = json.loads(bootstrap.get("aws:allowedAccountIds", "[]"))
        if [str(account) for account in accounts] != [location.account]:
            return
        problems = []
        for key, values, option, arns in (
            *(
                (option, roles, "boundaryRoles", role_arns)
                for option, roles in config.roles.items()
            ),
            ("clusters", config.cluster_arns, "boundaryClusters", cluster_arns),
        ):
            name = f"{self.name}:{option}"
            allowed = json.loads(bootstrap.get(name, "[]"))
            if not allowed:
                continue
            path = f"{name}[{len(allowed)}]"
            problems += [
                f"{self.name}:{key}: found {value}; account {location.account} allows "
                f"{', '.join(allowed)} ({name} in Pulumi.{config.bootstrap}.yaml); remove it, or "
                f"as administrator run: pulumi config set --path '{path}' '{value}' -s "
                f"{config.bootstrap} && pulumi up -s {config.bootstrap}"
                for value in outside(values, arns(location, allowed))
            ]
        if problems:
            raise ProjectError(str(ConfigError(config.stage, problems)))

    def _check(self, file: str, key: str, value: object) -> None:
        namespace, _, name = key.partition(":")
        if not name:
            raise ProjectError(
                f"{file}: {key}: no namespace; expected a key such as {self.name}:{key}"
            )
        if isinstance(value, dict) and set(value) == {"secure"}:
            raise ProjectError(
                f"{file}: {key} is encrypted; expected plain text, no key of this kit is a secret"
            )
        if namespace == NAMESPACE:
            for problem in provider_key_problems(name, value):
                raise ProjectError(f"{file}: {problem}")
        if namespace != self.name:
            return
        if name in REPLACED:
            raise ProjectError(
                f"{file}: {key} was replaced by {REPLACED[name]}; move each value to its list"
            )
        if name not in self.declared:
            known = sorted(key for key in self.declared if ":" not in key)
            near = difflib.get_close_matches(name, known, n=1)
            guess = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ProjectError(f"{file}: {key} is not declared in {PROJECT_FILE}; {guess}")
        wanted = str(self.declared[name].get("type", "string"))
        # In Python, True is also an int; in YAML, true is not an integer.
        wrong = isinstance(value, bool) and wanted != "boolean"
        if wrong or not (isinstance(value, _TYPES[wanted]) or _written_by_cli(value, wanted)):
            raise ProjectError(
                f"{file}: {key}: expected {wanted}, found {json.dumps(value, default=str)}"
            )


def _written_by_cli(value: object, wanted: str) -> bool:
    """Return whether a value is what the Pulumi CLI makes of one of a type: it writes strings.

    `pulumi config set` does, and so does every command that changes anything else in the file.
    """
    pattern = _AS_STRINGS.get(wanted)
    return pattern is not None and isinstance(value, str) and bool(pattern.fullmatch(value))


def load_project(folder: Path) -> Project:
    """Read Pulumi.yaml in `folder`.

    Raises:
        ProjectError: if the file is missing or invalid.
    """
    path = folder / PROJECT_FILE
    if not path.exists():
        raise ProjectError(
            f"no {PROJECT_FILE} in {folder.resolve()}; run the command in the project's folder, or "
            "pass --project FOLDER"
        )
    content = _load(path)
    if not isinstance(content.get("name"), str):
        raise ProjectError(f"{PROJECT_FILE}: name is missing; expected name: ecs-run-task")
    return Project(folder=folder, name=content["name"], declared=content.get("config") or {})


def _load(path: Path) -> dict[str, Any]:
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ProjectError(f"{path.name}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise ProjectError(f"{path.name}: expected keys and values, found {type(content).__name__}")
    return content


@lru_cache(maxsize=_PARSED_FILES)
def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever the file holds; nobody changes it
    return YAML(typ="safe", pure=True).load(text)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value)
