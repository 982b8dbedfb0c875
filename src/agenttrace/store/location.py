"""A store's URL as it may be shown: without passwords. Nothing is opened here, nothing imported."""

from __future__ import annotations

import re
from urllib.parse import unquote

from agenttrace.model.regex import regex

__all__ = ["shown"]

_HIDDEN = "***"
_SECRET = regex(r"pass|pwd|secret|token", re.IGNORECASE)


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
    return f"{name}={_HIDDEN}" if equals and _SECRET.search(unquote(name)) else text
