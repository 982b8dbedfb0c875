"""Stores of other distributions: entry points of the group `agenttrace.stores`, by the scheme of their URLs."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from agenttrace.errors import AgentTraceError, ConfigurationError
from agenttrace.store.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GROUP", "maker", "schemes"]

#: An entry point's name is a scheme, its object `callable(url, *, clock) -> Store`.
GROUP = "agenttrace.stores"


def schemes() -> list[str]:
    """Return the schemes that installed distributions bring, sorted. Imports none of them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def maker(scheme: str) -> Callable[[str, Callable[[], int] | None], Store]:
    """Return what makes the store of a scheme from a URL and a clock.

    The distribution's code is imported here. Raises ConfigurationError, which names the distribution, where that
    fails, where two distributions bring the same scheme, and later where what it makes is no Store.
    """
    found = list(entry_points(group=GROUP, name=scheme))
    if len(found) > 1:
        raise ConfigurationError(
            f"store: {' and '.join(sorted(map(_origin, found)))} all bring {scheme}://; uninstall all but one"
        )
    (entry,) = found
    try:
        make = entry.load()
    except Exception as error:  # whatever the code of others raises
        raise _broken(entry, f"cannot be loaded: {_words(error)}") from error
    if not callable(make):
        raise _broken(entry, "is not callable")
    return lambda url, clock: _made(entry, make, url, clock)


def _made(entry: EntryPoint, make: Callable[..., Any], url: str, clock: Callable[[], int] | None) -> Store:
    try:
        store = make(url, clock=clock)
    except AgentTraceError:
        raise
    except Exception as error:
        # The words of that error are not repeated: they may well hold the URL, with its password.
        raise _broken(entry, f"raised {type(error).__name__} when it was called with a URL and clock=") from error
    if not isinstance(store, Store):
        raise _broken(entry, f"made no agenttrace Store: {type(store).__name__} lacks {', '.join(_lacking(store))}")
    return store


def _lacking(store: object) -> list[str]:
    wanted = [*Store.__annotations__, *(name for name, value in vars(Store).items() if callable(value))]
    return [name for name in wanted if not name.startswith("_") and not hasattr(store, name)]


def _broken(entry: EntryPoint, problem: str) -> ConfigurationError:
    return ConfigurationError(f"store: {entry.name}:// of {_origin(entry)} ({entry.value}) {problem}")


def _origin(entry: EntryPoint) -> str:
    return f"the distribution {entry.dist.name}" if entry.dist is not None else "an unknown distribution"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
