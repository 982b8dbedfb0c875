"""Ids that are secrets: somebody names a session by a token, or a user by an API key. Pure, and light to load.

An id cannot just lose what is secret in it: what tells two users apart must go on doing so. So an id that has the form
of a secret is hidden in whole, and equal ids stay equal: in each process, in the journal, in the store, and in the
questions that are asked of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agenttrace.loading import LOADING

__all__ = ["is_telling", "veiled"]

#: Without one of these no text has one of the forms of `secretforms`; a test holds that.
_SIGNS: Final = (
    *("-----BEGIN", "://", ":AA", "AIza", "ASIC", "AccountKey=", "EARER", "KIA", "SG.", "SIA", "SK", "_v1_", "agtk_"),
    *("asic", "curl", "dapi", "earer", "eyJ", "fw_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-"),
    *("gsk_", "hf_", "hvb.", "hvs.", "k_live_", "k_test_", "lin_api_", "lsv2_", "npm_", "ntn_", "pcsk_", "pplx-"),
    *("pylf_v", "pypi-A", "r8_", "shp", "sig=", "sk-", "tvly-", "whsec_", "xai-", "xapp-", "xox", "ya29."),
)
_SHORTEST, _REMEMBERED, _UUID = 13, 512, 36
_BEFORE, _DIGITS = "[REDACTED:", 16


def veiled(text: str) -> str:
    """Return an id as it is, or hidden where it has the form of a secret: equal ids stay equal, different ones differ.

    What is hidden stays as it is when it is hidden again. The digest is made without a key, since every process has to
    come to the same: a secret that can be guessed can be found by trying.

    >>> veiled("user-1"), veiled("ghp_" + "0123456789" * 3)
    ('user-1', '[REDACTED:github_token-d1c638224a2bb24a]')
    """
    if len(text) < _SHORTEST and "://" not in text:
        return text
    if len(text) == _UUID and text[8] == text[13] == "-" and _is_hex(text):
        return text  # as most ids are: none of the signs is made of hex digits
    return _remembered(text) if len(text) <= _REMEMBERED else _veil(text)


def is_telling(text: str) -> bool:
    """Return whether a text that may have been redacted still tells what it names from everything else.

    >>> is_telling("user-1"), is_telling("[REDACTED:card]"), is_telling(veiled("ghp_" + "0123456789" * 3))
    (True, False, True)
    """
    if "[REDACTED" not in text:
        return "[WITHHELD" not in text
    kind, dash, digest = text.removeprefix(_BEFORE).removesuffix("]").rpartition("-")
    return text == f"{_BEFORE}{kind}{dash}{digest}]" and len(digest) == _DIGITS and "[" not in kind


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text.replace("-", "")))
    except ValueError:
        return False


def _veil(text: str) -> str:
    if not any(map(text.__contains__, _SIGNS)):
        return text
    # Loaded at first use: most programs never have such an id.
    with LOADING:
        from agenttrace.model.secretforms import hidden
    return hidden(text)


_remembered = lru_cache(maxsize=4096)(_veil)
