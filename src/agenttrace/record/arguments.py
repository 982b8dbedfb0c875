"""Read a call's arguments by parameter name, without calling `inspect` on the way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Arguments"]

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
