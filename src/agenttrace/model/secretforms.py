"""The forms of secrets that are known by their look, as data, and what an id of such a form becomes. Pure.

`record.patterns` takes these forms out of texts; `model.veil` asks for ids. Loaded where something looks like a secret.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

__all__ = ["BASIC", "BEARER", "EDGE", "JWT", "PEM", "TOKENS", "USERINFO", "has_credentials", "hidden"]

#: A secret may follow an escaped line end of JSON that is embedded as text: `\nsk-...` with a real backslash.
EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
_DIGIT: Final = r"(?=[A-Za-z_-]{0,200}+[0-9])"  # bounded, so that no text makes it slow

PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.S
)
JWT: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"
)
BEARER: Final = re.compile(
    r"((?i:bearer)[ \t]+)((?=[^\s\"']*(?:[0-9]|[a-z][A-Z])|[^\s\"']{32})[A-Za-z0-9._~+/-]{16,}=*)"
)
BASIC: Final = re.compile(r"(B(?:asic|ASIC)[ \t]+)([A-Za-z0-9+/]{8,}={0,2})")
USERINFO: Final = re.compile(r"(://[^\s/@:\"'<>\\]*:)([^\s/@\"'<>]+)(?=@)")

#: (kind, the literal that must be there, the pattern) of keys and tokens that are known by how they begin.
TOKENS: Final[tuple[tuple[str, str, re.Pattern[str]], ...]] = tuple(
    (kind, literal, re.compile(pattern, re.A))
    for kind, literal, pattern in (
        ("api_key", "sk-", EDGE + r"sk-" + _DIGIT + r"[A-Za-z0-9_-]{20,}"),
        ("api_key", "xai-", EDGE + r"xai-[A-Za-z0-9]{20,}"),
        ("api_key", "pplx-", EDGE + r"pplx-[A-Za-z0-9]{20,}"),
        ("gitlab_token", "glpat-", EDGE + r"glpat-[A-Za-z0-9_.-]{16,}"),
        ("slack_token", "xox", EDGE + r"xox[a-z]-" + _DIGIT + r"[A-Za-z0-9-]{10,}"),
        ("slack_token", "xapp-", EDGE + r"xapp-" + _DIGIT + r"[A-Za-z0-9-]{10,}"),
        ("pypi_token", "pypi-A", EDGE + r"pypi-A[A-Za-z0-9_-]{16,}"),
        ("github_token", "gh", EDGE + r"gh[opusr]_[A-Za-z0-9]{20,}"),
        ("github_token", "github_pat_", EDGE + r"github_pat_[A-Za-z0-9_]{20,}"),
        ("stripe_key", "k_", EDGE + r"[srp]k_(?:live|test)_[A-Za-z0-9]{12,}"),
        ("stripe_key", "whsec_", EDGE + r"whsec_[A-Za-z0-9+/=]{12,}"),
        ("huggingface_token", "hf_", EDGE + r"hf_[A-Za-z0-9]{20,}"),
        ("api_key", "gsk_", EDGE + r"gsk_[A-Za-z0-9]{20,}"),
        ("npm_token", "npm_", EDGE + r"npm_[A-Za-z0-9]{20,}"),
        ("api_key", "r8_", EDGE + r"r8_[A-Za-z0-9]{20,}"),
        ("agenttrace_key", "agtk_", EDGE + r"agtk_[0-9a-f]{16}_[0-9a-f]{16,}"),
        ("google_key", "AIza", r"AIza[A-Za-z0-9_-]{30,}"),
        ("aws_key", "KIA", EDGE + r"AKIA[A-Z0-9]{16}"),
        ("aws_key", "SIA", EDGE + r"ASIA[A-Z0-9]{16}"),
        ("api_key", "SG.", EDGE + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    )
)

# Card numbers are not among them: of the numbers that tell people, calls and sessions apart, telephone numbers too,
# some look like cards, and nobody could find these again.
_OF_IDS: Final = (
    *TOKENS,
    ("jwt", "eyJ", JWT),
    ("private_key", "-----BEGIN", PEM),
    ("password", "://", USERINFO),
    ("bearer", "", BEARER),
)


def has_credentials(match: re.Match[str]) -> bool:
    """Return whether what BASIC found is a user and a password."""
    try:
        return b":" in base64.b64decode(match[2] + "=" * (-len(match[2]) % 4))
    except ValueError:
        return False


def hidden(text: str) -> str:
    """Return what stands for an id of the form of a secret; the id itself where it has none."""
    for kind, literal, pattern in _OF_IDS:
        if literal in text and pattern.search(text):
            return _mark(text, kind)
    basic = BASIC.search(text)
    return _mark(text, "basic") if basic is not None and has_credentials(basic) else text


def _mark(text: str, kind: str) -> str:
    data = text.encode("utf-8", "backslashreplace")
    # No colon before the digest: behind `password:` it would be redacted once more.
    return f"[REDACTED:{kind}-{hashlib.blake2b(data, digest_size=8, person=b'agenttrace id 1').hexdigest()}]"
