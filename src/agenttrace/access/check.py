"""Check what describes a caller: ids, roles, scopes. Pure; each error names the parameter."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, cast

from agenttrace.errors import ConfigurationError
from agenttrace.model import ids

__all__ = ["one_of", "owner", "owners", "several_of", "unicode", "workspace"]


def workspace(value: Any) -> bytes:
    """Return a workspace's 16 bytes; None is the default workspace, which no empty text leads to by mistake."""
    if value == "":
        raise ConfigurationError("workspace_id: must not be empty; leave it out for the default workspace")
    if value is None or isinstance(value, (str, uuid.UUID)):
        return ids.workspace_id(value)
    raise ConfigurationError(f"workspace_id: must be text or a UUID, got {type(value).__name__}")


def owner(parameter: str, value: Any) -> str | None:
    """Return a user's or team's id as the store spells it: a UUID lower case and dashed; None stays None."""
    if value is None:
        return None
    if not isinstance(value, (str, uuid.UUID)):
        raise ConfigurationError(f"{parameter}: must be text or a UUID, got {type(value).__name__}")
    if not value:
        raise ConfigurationError(f"{parameter}: must not be empty; leave it out where there is none")
    return ids.canonical(unicode(parameter, str(value)))


def unicode(parameter: str, value: str) -> str:
    """Return text that every store can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{parameter}: must be Unicode text without lone surrogates") from None
    if "\0" in value:
        raise ConfigurationError(f"{parameter}: must hold no NUL character")
    return value


def owners(parameter: str, values: Any) -> frozenset[str]:
    """Return several ids of users or teams."""
    found = (owner(parameter, value) for value in _several(parameter, values))
    return frozenset(value for value in found if value is not None)


def one_of(parameter: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return a word that is one of those allowed."""
    if isinstance(value, str) and value in allowed:
        return value
    raise ConfigurationError(f"{parameter}: must be one of {', '.join(allowed)}, got {value!r}")


def several_of(parameter: str, values: Any, allowed: tuple[str, ...]) -> frozenset[str]:
    """Return words that are all among those allowed."""
    return frozenset(one_of(parameter, value, allowed) for value in _several(parameter, values))


def _several(parameter: str, values: Any) -> Iterable[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{parameter}: must be several, as a list or set, got {type(values).__name__}")
    return cast("Iterable[Any]", values)
