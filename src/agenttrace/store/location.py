"""Where a store lives: its URL as it may be shown, without passwords, or its file. Nothing is opened here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agenttrace.model.regex import regex

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_of", "is_url", "shown"]

_HIDDEN = "***"
_SECRET = regex(r"pass|pwd|secret|token", re.IGNORECASE)


def is_url(place: str) -> bool:
    """Return whether a place (`urls.place_of`) is a URL; an absolute path has no `//` but at its beginning."""
    return "://" in place


def file_of(place: str | None) -> Path | None:
    """Return the file or folder that a place is; None where it is a URL, or memory.

    >>> file_of("memory://"), file_of("/var/lib/traces.db")
    (None, PosixPath('/var/lib/traces.db'))
    """
    # Imported where it is needed: recording does without.
    from pathlib import Path

    return None if place is None or is_url(place) else Path(place)


def shown(url: str) -> str:
    """Return the URL with `***` for its password, and for each parameter that is named like a secret.

    What has no password stays as it is. Where an `@` was not escaped as a URL wants it, all up to the last one is
    hidden: rather too much than too little.

    >>> shown("postgresql://app:hunter2@db.example/traces?sslpassword=x&sslmode=require")
    'postgresql://app:***@db.example/traces?sslpassword=***&sslmode=require'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    user, at, rest = rest.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:{_HIDDEN}"
    address, question, parameters = rest.partition("?")
    return f"{scheme}://{user}{at}{address}{question}{'&'.join(map(_parameter, parameters.split('&')))}"


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals:
        return text
    # Imported where it is needed: few URLs have parameters.
    from urllib.parse import unquote

    return f"{name}={_HIDDEN}" if _SECRET.search(unquote(name)) else text
