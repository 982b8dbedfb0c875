"""Read a call's arguments by parameter name, without calling `inspect` on the way, and as content."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agenttrace.record.fields import PARAMETERS, tool_names

__all__ = ["Arguments", "split_arguments"]

_OWN = frozenset({"self", "cls"})


class Arguments:
    """How a function's arguments get their names; made once, when the function is decorated.

    `names` are those of the positional parameters. A call with exactly `count` positional arguments and no other is
    read by pairing the two.
    """

    __slots__ = ("_by_name", "_defaults", "_extra", "_ignored", "_keywords", "count", "names")

    def __init__(self, function: Callable[..., Any], ignore: Iterable[str] = ()) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # builtins without a signature: everything is positional
            parameters = [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
        kinds = inspect.Parameter
        self.names = tuple(p.name for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD))
        self._extra = next((p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None)
        self._keywords = next((p.name for p in parameters if p.kind is kinds.VAR_KEYWORD), None)
        self._by_name = frozenset(
            p.name for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        )
        self._defaults = {p.name: p.default for p in parameters if p.default is not kinds.empty}
        own = self.names[:1] if self.names[:1] and self.names[0] in _OWN else ()
        self._ignored = frozenset(ignore) | frozenset(own)
        only_names = len(parameters) == len(self.names) and not self._ignored
        self.count = len(self.names) if only_names else -1

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by parameter name, defaults included, what is ignored left out.

        Surplus positional arguments stand under the name of `*args`; surplus keyword arguments under their own names. A
        call that does not fit the signature is read as far as it does: the function itself will raise.
        """
        values = dict(zip(self.names, args, strict=False))
        if self._extra is not None and len(args) > len(self.names):
            values[self._extra] = args[len(self.names) :]
        for name, value in kwargs.items():
            if name in self._by_name:
                values[name] = value
            elif self._keywords not in self._ignored:
                # A keyword may bear the name of a positional-only parameter: both are kept.
                values[name if name not in values else f"{self._keywords}.{name}"] = value
        for name, default in self._defaults.items():
            if name not in values:
                values[name] = default
        for name in self._ignored:
            values.pop(name, None)
        return values


def split_arguments(
    run_type: str, arguments: Mapping[str, Any], is_secret: Callable[[str], bool] | None = None
) -> dict[str, Any]:
    """Return the content that a decorated call's arguments make: by key, the remaining ones together under `input`.

    A parameter whose name is a secret's stays under its name, by which redaction knows it.

    >>> split_arguments("tool_call", {"query": "x", "k": 5})
    {'input': {'query': 'x', 'k': 5}}
    >>> split_arguments("context", {"query": "x", "k": 5})
    {'query': 'x', 'input': {'k': 5}}
    >>> split_arguments("context", {"question": "x"})
    {'query': 'x'}
    """
    known = PARAMETERS.get(run_type)
    if known is None:
        return {"input": arguments}
    content: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in arguments.items():
        key = known.get(name)
        if key is None or key in content:
            rest[name] = value
        else:
            content[key] = tool_names(value) if key == "tool_names" else value
    if run_type == "context" and "query" not in content:
        # What a retrieval is asked for comes first, whatever the parameter is called.
        first = next((name for name in rest if is_secret is None or not is_secret(name)), None)
        if first is not None:
            content["query"] = rest.pop(first)
    if rest:
        content["input"] = rest
    return content
