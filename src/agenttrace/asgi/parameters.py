"""Read the parameters of a request, and describe them: one table a view serves both. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from agenttrace.errors import InvalidQuery

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["Parameter", "described", "read"]

_INTEGER = re.compile(r"-?[0-9]{1,4000}\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter:
    """One parameter: its name over HTTP, the argument it is, and its JSON Schema."""

    name: str
    argument: str
    schema: Mapping[str, Any]
    description: str
    required: bool = False
    where: str = "query"

    def value_of(self, text: str | None) -> Any:
        """Return the argument that text is, None where there is none; raises InvalidQuery for what cannot be one."""
        if text is None:
            if self.required:
                raise InvalidQuery(self.name, "is missing")
            return self.schema.get("default")
        if self.schema["type"] == "integer":
            return self._integer(text)
        if self.schema.get("format") == "uuid" and not _UUID.match(text):
            raise InvalidQuery(self.name, f"must be a UUID, got {text[:80]!r}")
        pattern = self.schema.get("pattern")
        if pattern is not None and re.fullmatch(pattern.strip("^$"), text) is None:
            raise InvalidQuery(self.name, f"must match {pattern}, got {text[:80]!r}")
        return text

    def _integer(self, text: str) -> int:
        if not _INTEGER.match(text):
            raise InvalidQuery(self.name, f"must be an integer, got {text[:80]!r}")
        value = int(text)
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            allowed = f"{low} or more" if high is None else f"between {low} and {high}"
            raise InvalidQuery(self.name, f"must be {allowed}, got {text[:80]}")
        return value


def read(parameters: tuple[Parameter, ...], connection: HTTPConnection) -> dict[str, Any]:
    """Return the arguments by argument name; raises InvalidQuery for one that is wrong, missing or given twice."""
    found = dict(_asked(parameters, connection.scope["query_string"]))
    for parameter in parameters:
        if parameter.where == "path":
            found[parameter.argument] = parameter.value_of(connection.path_params[parameter.name])
    return found


# The same questions come again and again, and reading a query string costs more than answering from what is kept.
@lru_cache(maxsize=1024)
def _asked(parameters: tuple[Parameter, ...], query_string: bytes) -> tuple[tuple[str, Any], ...]:
    given = QueryParams(query_string).multi_items()
    found: list[tuple[str, Any]] = []
    for parameter in parameters:
        if parameter.where == "path":
            continue
        texts = [value for name, value in given if name == parameter.name]
        if len(texts) > 1:
            raise InvalidQuery(parameter.name, "must be given once")
        found.append((parameter.argument, parameter.value_of(texts[0] if texts else None)))
    return tuple(found)


def described(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI describes them."""
    return [
        {
            "name": known.name,
            "in": known.where,
            "required": known.required or known.where == "path",
            "description": known.description,
            "schema": dict(known.schema),
        }
        for known in parameters
    ]
