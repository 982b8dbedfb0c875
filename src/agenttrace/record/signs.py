"""Signs in a text after which a secret may stand, and the names before them: `password=x`, `"api_key": "x"`. Pure."""

from __future__ import annotations

from typing import Final

from agenttrace.model.regex import regex

__all__ = ["COLON", "EQUALS", "ESCAPE", "FORM", "QUOTED", "TEXT_SIGN", "name_before"]

# What `gate.look` says of a text is a sum of these.
FORM: Final = 1  # something has the form of a secret
QUOTED: Final = 2  # a name may stand in quotes
COLON: Final = 4  # a name may stand before a colon
EQUALS: Final = 8  # a name may stand before an equals sign
ESCAPE: Final = 16  # JSON may have to write a character in another way

#: A colon that may stand between a name and its value in prose: not after a JSON key, not in a URL or a time of day.
TEXT_SIGN: Final = regex(r':(?<!":)(?!//)(?!(?<=[0-9]:)[0-9])')

_REACH = 64
_OPENING: Final = " \t\"'`\\*]"
_NAME: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_ESCAPED: Final = regex(r"\A(?:[nrtbf]|u[0-9a-fA-F]{4})")


def name_before(text: str, end: int) -> str:
    """Return the name that stands before the sign at `end`, "" where there is none: at most 64 characters of it.

    Quotes, backslashes and blanks between name and sign are skipped; a name of two words that ends in "key" is whole.
    """
    tail = text[end - _REACH if end > _REACH else 0 : end].rstrip(_OPENING)
    name = _last_word(tail)
    if name.lower() in ("key", "keys") and tail[-len(name) - 1 : -len(name)] == " ":
        return f"{_last_word(tail[: -len(name) - 1])} {name}"
    return name


def _last_word(text: str) -> str:
    head = text.rstrip(_NAME)
    word = text[len(head) :]
    # A line end or another character, escaped: its letters are no part of the word.
    return _ESCAPED.sub("", word, 1) if head[-1:] == "\\" else word
