"""What settings may be: the checks of `configure`, and what the environment says where a setting does not."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Collection
from typing import Any

from agenttrace.faults import ConfigurationError
from agenttrace.location import is_url

__all__ = ["absolute", "check", "check_kinds", "journal_root", "seconds", "service_of_environment", "writer_of"]

_LEAST_BYTES = {"max_content_bytes": 1 << 10, "journal_max_bytes": 1 << 20}
#: Seconds that a wait may take at most, some 31 years: Python's locks refuse longer ones than ten times that.
_LONGEST = 1e9
_WRITERS = ("thread", "process")
_WRITERS_SAID = "'thread' or 'process'"


def check_kinds(**settings: Any) -> None:
    """Raise ConfigurationError where a setting is of no kind that it may have; None is left out."""
    known: dict[str, tuple[Callable[[Any], bool], str]] = {
        "store": (lambda value: isinstance(value, str | os.PathLike) or _is_store(value), "a URL, a path or a Store"),
        "journal_dir": (lambda value: isinstance(value, str | os.PathLike) and value != "", "a path"),
        "writer": (lambda value: value in _WRITERS, _WRITERS_SAID),
        "service_id": (lambda value: isinstance(value, str | uuid.UUID), "a text or a UUID"),
        "enabled": (lambda value: isinstance(value, bool), "True or False"),
        "clock": (callable, "a callable that returns nanoseconds"),
        "ids": (lambda value: hasattr(value, "trace") and hasattr(value, "span"), "an object with trace() and span()"),
    }
    for name, value in settings.items():
        fits, wanted = known[name]
        if value is not None and not fits(value):
            raise ConfigurationError(f"{name}: must be {wanted}, got {value!r}")


def _is_store(value: object) -> bool:
    # Loaded at first use: recording to a path does without.
    from agenttrace.store.protocol import Store

    return isinstance(value, Store)


def check(
    *, exporters: Collection[Any], redact: Any, sizes: dict[str, int], flags: dict[str, bool], times: dict[str, float]
) -> None:
    """Raise ConfigurationError where a value is of no kind that it may have, or outside its range.

    By their settings' names: `sizes` in bytes, `flags`, and `times` in seconds.
    """
    for name, size in sizes.items():
        least = _LEAST_BYTES[name]
        if type(size) is not int or not least <= size <= sys.maxsize:
            raise ConfigurationError(f"{name}: must be an int of {least} or more, up to {sys.maxsize}, got {size!r}")
    for name, flag in flags.items():
        if not isinstance(flag, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{name}: must be True or False, got {flag!r}")
    # An iterator would be at its end once it was looked at.
    if not isinstance(exporters, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"exporters: must be a list of OpenTelemetry SpanExporters, got {exporters!r}")
    for exporter in exporters:
        if not callable(getattr(exporter, "export", None)) or not callable(getattr(exporter, "shutdown", None)):
            raise ConfigurationError(f"exporters: must be OpenTelemetry SpanExporters, got {exporter!r}")
    if not isinstance(redact, bool) and not callable(redact):
        raise ConfigurationError(f"redact: must be True, False or a callable (key, text) -> text, got {redact!r}")
    for name, value in times.items():
        if not seconds(name, value) > 0:
            raise ConfigurationError(f"{name}: must be a number of seconds above 0, got {value!r}")


def seconds(name: str, value: float) -> float:
    """Return a time to wait, cut to the longest there is; raises ConfigurationError where it is no number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_number or value != value:
        raise ConfigurationError(f"{name}: must be a number of seconds, got {value!r}")
    return min(value, _LONGEST)


def writer_of(setting: str | None) -> str:
    """Return who writes: what the setting says, else AGENTTRACE_WRITER, else a thread."""
    if setting is not None:
        return setting
    found = os.environ.get("AGENTTRACE_WRITER") or "thread"
    if found not in _WRITERS:
        raise ConfigurationError(f"AGENTTRACE_WRITER: must be {_WRITERS_SAID}, got {found!r}")
    return found


def service_of_environment() -> str | None:
    """Return what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say: `service.instance.id`, else `service.name`.

    See the OpenTelemetry specification, "SDK environment variables".
    """
    given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES")
    if not given:
        return os.environ.get("OTEL_SERVICE_NAME")
    from urllib.parse import unquote

    pairs = (pair.partition("=") for pair in given.split(","))
    resource = {key.strip(): unquote(value.strip()) for key, _, value in pairs if value.strip()}
    name = os.environ.get("OTEL_SERVICE_NAME") or resource.get("service.name")
    return resource.get("service.instance.id") or name


def absolute(path: str | os.PathLike[str]) -> str:
    """Return the absolute path of a folder; `..` is left to the file system, which knows links."""
    # Imported where somebody names a folder: recording does without.
    from pathlib import Path

    return str(Path(path).absolute())


def journal_root(place: str | None) -> str | None:
    """Return where the journals of a store live: beside a file, else in the user's state folder; None for memory.

    Raises ConfigurationError where this user has no home.
    """
    if place is None:
        return None
    if not is_url(place):
        return f"{place}.journal"
    from hashlib import blake2b

    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    if state.startswith("~"):
        raise ConfigurationError(
            "journal_dir: this user has no home folder to put journals in; name a folder, or set XDG_STATE_HOME"
        )
    return os.path.join(state, "agenttrace", blake2b(place.encode(), digest_size=8).hexdigest())
