"""The inputs of a resource: an input that the engine does not read is an error, and so is None."""

from __future__ import annotations

from typing import Any

from pulumi.runtime import rpc

from rehearsal.engine.errors import EngineError


def unwrap(value: Any) -> Any:  # noqa: ANN401 - JSON and assets
    """Return a value as Pulumi passes it, with secrets unwrapped and whole numbers as int."""
    if rpc.is_rpc_secret(value):
        return unwrap(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Inputs:
    """A mapping that knows which of its keys were read.

    Args:
        values: The values, as `unwrap` returns them.
        where: The resource as errors name it, for example `aws:sqs/queue:Queue 'dlq'`.

    Raises:
        EngineError: if a value is None: it results from an output that does not exist.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = values
        self._where = where
        self._read: set[str] = set()
        self._parts: list[Inputs] = []
        for path in _nones(values, ""):
            raise EngineError(f"{where}: the input {path} is None; expected a value")

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Return an input, or the default."""
        self._read.add(key)
        return self._values.get(key, default)

    def values(self) -> dict[str, Any]:
        """Return all inputs; this reads none."""
        return dict(self._values)

    def require(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """Return an input that must be set.

        Raises:
            EngineError: if it is missing or empty.
        """
        value = self.get(key)
        if value is None or value == "":
            raise EngineError(f"{self._where}: the input {key} is missing or unknown")
        return value

    def part(self, key: str) -> Inputs | None:
        """Return an input that is an object, whose keys must be read as well."""
        value = self.get(key)
        return None if value is None else self._part(key, value)

    def parts(self, key: str) -> list[Inputs]:
        """Return an input that is a list of objects, whose keys must be read as well."""
        return [self._part(f"{key}[{i}]", v) for i, v in enumerate(self.get(key) or [])]

    def as_api(self, names: dict[str, str]) -> dict[str, Any]:
        """Return the inputs that are set, by the API's names.

        Args:
            names: The API's name of each input.
        """
        found = {api: self.get(key) for key, api in names.items()}
        return {api: value for api, value in found.items() if value is not None}

    def unread(self) -> list[str]:
        """Return the paths of the inputs that were not read."""
        own = [key for key in self._values if key not in self._read]
        return own + [f"{p._where}.{k}" for p in self._parts for k in p.unread()]  # noqa: SLF001 - its own class

    def _part(self, path: str, values: dict[str, Any]) -> Inputs:
        part = Inputs(values, path)
        self._parts.append(part)
        return part


def _nones(value: Any, path: str) -> list[str]:  # noqa: ANN401 - JSON
    if value is None:
        return [path.lstrip(".")]
    if isinstance(value, dict):
        return [p for key, item in value.items() for p in _nones(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [p for i, item in enumerate(value) for p in _nones(item, f"{path}[{i}]")]
    return []
