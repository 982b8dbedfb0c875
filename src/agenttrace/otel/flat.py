"""Numbered attributes, `llm.input_messages.0.message.role`, put together as the lists and objects they stand for. Pure.

Attributes can be missing: a span that has more than its limit loses the oldest. What is left keeps its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["families", "nested"]

_DEEPEST: Final = 12


def families(attributes: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the numbered attributes by the prefix that they begin with; `prefix.` and a digit must come first.

    >>> families({"a.b.0.c": 1, "a.b": 2, "a.b.name": 3}, ("a.b",))
    {'a.b': {'0.c': 1}}
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in attributes.items():
        for prefix in prefixes:
            if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1] == ".":
                rest = name[len(prefix) + 1 :]
                if rest[:1].isdigit():
                    found.setdefault(prefix, {})[rest] = value
    return found


def nested(members: Mapping[str, Any]) -> Any:
    """Return the list or object that numbered attributes stand for.

    >>> nested({"1.role": "user", "0.calls.0.name": "f"})
    [{'calls': [{'name': 'f'}]}, {'role': 'user'}]
    """
    root: dict[str, Any] = {}
    for path, value in members.items():
        steps = path.split(".", _DEEPEST)
        place = root
        for step in steps[:-1]:
            inner = place.get(step)
            if not isinstance(inner, _Branch):
                inner = place[step] = _Branch()
            place = inner
        if not isinstance(place.get(steps[-1]), _Branch):
            place[steps[-1]] = value
    return _listed(_Branch(root))


class _Branch(dict[str, Any]):
    """An object that was made here, unlike one that was a value."""


def _listed(branch: Any) -> Any:
    if not isinstance(branch, _Branch):
        return cast("object", branch)
    inner = {key: _listed(value) for key, value in branch.items()}
    if inner and all(key.isascii() and key.isdigit() and len(key) < 10 for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
