"""Which names are names of secrets, by whole words after splitting camelCase, snake_case and kebab-case. Pure.

And the signs in a text after which a secret may stand, with the names before them: `password=x`, `"api_key": "x"`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from agenttrace.loading import regex

__all__ = ["COLON", "EQUALS", "ESCAPE", "FORM", "QUOTED", "TEXT_SIGN", "SecretNames", "is_secret_name", "name_before"]

# What `redact.look` says of a text is a sum of these.
FORM: Final = 1  # something has the form of a secret
QUOTED: Final = 2  # a name may stand in quotes
COLON: Final = 4  # a name may stand before a colon
EQUALS: Final = 8  # a name may stand before an equals sign
ESCAPE: Final = 16  # JSON may have to write a character in another way

#: A colon that may stand between a name and its value in prose: not after a JSON key, not in a URL or a time of day.
TEXT_SIGN: Final = regex(r':(?<!":)(?!//)(?!(?<=[0-9]:)[0-9])')

_REACH = 64
_NAME: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_ESCAPED: Final = regex(r"\A(?:[nrtbf]|u[0-9a-fA-F]{4})")

_MAX_NAMES = 8192
_MAX_LENGTH = 64
_NO_NAME: Final = " \t\"'`\\*]"

_WORD: Final = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_ANYWHERE: Final = {
    *("password", "passwords", "passwd", "passphrase", "passphrases", "pwd", "secret", "secrets", "credential"),
    *("credentials", "authorization", "cookie", "cookies", "apikey", "apikeys", "accesskey", "privatekey"),
    *("secretkey", "signingkey", "encryptionkey", "clientsecret", "accesstoken", "authtoken", "refreshtoken"),
    *("idtoken", "apitoken", "sessiontoken", "csrftoken", "bearertoken"),
}
_WITHIN: Final = ("password", "passwd", "apikey", "passphrase")
_BEFORE_KEY: Final = {"api", "access", "private", "secret", "signing", "encryption", "auth", "ssh"}
_WHOLE: Final = {"auth", "bearer", "cvv", "cvc", "ssn"}
#: Words before `token` that make it a count, a place in a list or a word of a vocabulary.
_NOT_BEFORE_TOKEN: Final = {
    *("max", "min", "total", "num", "number", "count", "per", "input", "output", "prompt", "completion", "cached"),
    *("reasoning", "first", "last", "next", "previous", "page", "continuation", "sync", "special", "pad", "eos", "bos"),
    *("unk", "mask", "sep", "cls", "stop", "start", "end", "each"),
}


class SecretNames:
    """Answers whether names are names of secrets, and remembers the answers, up to a bound. Safe in several threads."""

    __slots__ = ("_clean", "_secret", "quoted")

    def __init__(self) -> None:
        self._clean: set[str] = set()
        self._secret: set[str] = set()
        self.quoted: set[str] = set()

    def secret(self, name: str) -> bool:
        """Say whether this is the name of a secret."""
        if name in self._clean:
            return False
        return name in self._secret or self._learn(name)

    def learn_quoted(self, names: list[str]) -> None:
        """Remember what stood between quotes before a colon and is no name of a secret however it is read."""
        if len(self.quoted) >= _MAX_NAMES:
            self.quoted.clear()
        self.quoted.update(name for name in names if len(name) <= _MAX_LENGTH and name.strip(_NO_NAME))

    def _learn(self, name: str) -> bool:
        answer = is_secret_name(name)
        known = self._secret if answer else self._clean
        if len(name) <= _MAX_LENGTH:
            if len(known) >= _MAX_NAMES:
                known.clear()
            known.add(name)
        return answer


def is_secret_name(name: str) -> bool:
    """Say whether a key, parameter or header of this name holds a secret.

    >>> [is_secret_name(name) for name in ("apiKey", "X-Auth-Token", "DB_PASSWORD_2", "auth")]
    [True, True, True, True]
    >>> [is_secret_name(name) for name in ("input_tokens", "max_token", "author", "secretary", "auth_method")]
    [False, False, False, False, False]
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    if not _ANYWHERE.isdisjoint(words) or (len(words) == 1 and words[0] in _WHOLE):
        return True
    if words[-1] == "token" and (len(words) == 1 or words[-2] not in _NOT_BEFORE_TOKEN):
        return True
    if any(part in word for word in words for part in _WITHIN):
        return True
    return any(after in ("key", "keys") and word in _BEFORE_KEY for word, after in pairwise(words))


def name_before(text: str, end: int) -> str:
    """Return the name that stands before the sign at `end`, "" where there is none: at most 64 characters of it.

    Quotes, backslashes and blanks between name and sign are skipped; a name of two words that ends in "key" is whole.
    """
    tail = text[end - _REACH if end > _REACH else 0 : end].rstrip(_NO_NAME)
    name = _last_word(tail)
    if name.lower() in ("key", "keys") and tail[-len(name) - 1 : -len(name)] == " ":
        return f"{_last_word(tail[: -len(name) - 1])} {name}"
    return name


def _last_word(text: str) -> str:
    head = text.rstrip(_NAME)
    word = text[len(head) :]
    # A line end or another character, escaped: its letters are no part of the word.
    return _ESCAPED.sub("", word, 1) if head[-1:] == "\\" else word
