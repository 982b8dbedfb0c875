"""The forms of secrets that are known by their look, as data, and what an id of such a form becomes. Pure.

`record.patterns` takes these forms out of texts; `model.ids` asks for ids. Loaded where something looks like a secret.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

__all__ = [
    "BASIC",
    "BEARER",
    "EDGE",
    "END",
    "JWT",
    "PEM",
    "TOKENS",
    "USERINFO",
    "USER_OPTION",
    "has_credentials",
    "hidden",
    "is_of_curl",
]

#: A secret may follow an escaped line end of JSON that is embedded as text: `\nsk-...` with a real backslash.
EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
#: Where a form is told by its exact length, nothing may follow it.
END: Final = r"(?![A-Za-z0-9])"
_DIGIT: Final = r"(?=[A-Za-z_-]{0,200}+[0-9])"  # bounded, so that no text makes it slow
_CAPITAL: Final = r"(?=[a-z_-]{0,200}+[A-Z0-9])"
#: Thirty-two letters without a dash are no words.
_NO_WORDS: Final = rf"(?:{_DIGIT}|(?=[a-z-]{{0,20}}[A-Za-z0-9]{{32}}))"

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
#: `-u ann:x`, `-su "ann:x"`, `--user=ann:x`; a password that a shell or a reader is to fill in is none.
USER_OPTION: Final = re.compile(
    r"((?<= )(?:-[A-Za-z]{0,7}u|--user)[ \t=]{0,8}+\\{0,8}[\"']?[^\s:\"'\\-][^\s:\"'\\]{0,60}:)"
    r"(?![\[$<{%])([^\s\"'\\]+)"
)

_DISCORD: Final = (
    "(?:"
    + "|".join(
        rf"(?<=://{host}\.com/api/)" for host in (r"discord", r"discordapp", r"ptb\.discord", r"canary\.discord")
    )
    + ")"
)
#: A digit or five capitals, a capital and a small letter: what is made by chance, not by programmers.
_MIXED: Final = r"(?=[A-Za-z]{0,31}[0-9]|(?:[a-z]{0,31}[A-Z]){5})(?=[a-z0-9]{0,31}[A-Z])(?=[A-Z0-9]{0,31}[a-z])"

#: (kind, the literal that must be there, the pattern) of keys and tokens that are known by how they begin.
TOKENS: Final[tuple[tuple[str, str, re.Pattern[str]], ...]] = tuple(
    (kind, literal, re.compile(pattern, re.A))
    for kind, literal, pattern in (
        ("api_key", "sk-", EDGE + r"sk-" + _NO_WORDS + r"[A-Za-z0-9_-]{20,}"),
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
        ("api_key", "tvly-", EDGE + r"tvly-" + _DIGIT + r"[A-Za-z0-9_-]{20,}"),
        ("api_key", "pcsk_", EDGE + r"pcsk_[A-Za-z0-9_]{40,}"),
        ("api_key", "lin_api_", EDGE + r"lin_api_[A-Za-z0-9]{32,}"),
        ("api_key", "ntn_", EDGE + r"ntn_[A-Za-z0-9]{40,}"),
        ("api_key", "lsv2_", EDGE + r"lsv2_(?:pt|sk)_[0-9a-f]{32}(?:_[0-9a-f]+)?"),
        ("api_key", "pylf_v", EDGE + r"pylf_v[12]_(?:[a-z]{2,12}_)?[A-Za-z0-9]{32,}"),
        ("api_key", "fw_", EDGE + rf"fw_{_MIXED}[A-Za-z0-9]{{20,32}}(?![A-Za-z0-9_])"),
        ("shopify_token", "shp", EDGE + r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}"),
        ("digitalocean_token", "_v1_", EDGE + r"do[opr]_v1_[0-9a-f]{40,}"),
        ("databricks_token", "dapi", EDGE + r"dapi[0-9a-f]{32}(?:-[0-9])?" + END),
        ("vault_token", "hv", EDGE + r"hv[sb]\." + _CAPITAL + r"[A-Za-z0-9_-]{24,}"),
        ("twilio_key", "SK", EDGE + r"SK[0-9a-f]{32}" + END),
        ("telegram_token", ":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}" + END),
        (
            "slack_webhook",
            "hooks.slack.com/",
            r"(?<=://hooks\.slack\.com/)[a-z]{8,9}/[A-Z0-9]{6,}+(?:/[A-Za-z0-9]{6,}+)+",
        ),
        ("discord_webhook", "/webhooks/", _DISCORD + r"(?:v[0-9]{1,2}/)?webhooks/[0-9]{15,20}/[A-Za-z0-9_-]{50,}"),
        ("azure_key", "AccountKey=", r"(?<=AccountKey=)[A-Za-z0-9+/]{40,}={0,2}"),
        ("azure_signature", "sig=", r"(?<=[?&;]sig=)[A-Za-z0-9%+/_-]{40,}={0,2}"),
        ("google_token", "ya29.", EDGE + r"ya29\.[A-Za-z0-9._-]{30,}"),
        ("google_key", "AIza", r"AIza[A-Za-z0-9_-]{30,}"),
        ("aws_key", "KIA", EDGE + r"AKIA[A-Z0-9]{16}"),
        ("aws_key", "SIA", EDGE + r"ASIA[A-Z0-9]{16}"),
        ("api_key", "SG.", EDGE + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    )
)

_LONGEST_COMMAND: Final = 1000

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


def is_of_curl(match: re.Match[str]) -> bool:
    """Return whether the option that USER_OPTION found is one of curl: other programs have it for other things."""
    start = match.string.rfind("curl ", max(match.start() - _LONGEST_COMMAND, 0), match.start())
    if start < 0:
        return False
    between = match.string[start : match.start()]
    return "|" not in between and "\n" not in between.replace("\\\n", "")


def hidden(text: str) -> str:
    """Return what stands for an id of the form of a secret; the id itself where it has none."""
    for kind, literal, pattern in _OF_IDS:
        if literal in text and pattern.search(text):
            return _mark(text, kind)
    basic = BASIC.search(text)
    if basic is not None and has_credentials(basic):
        return _mark(text, "basic")
    return _mark(text, "password") if any(map(is_of_curl, USER_OPTION.finditer(text))) else text


def _mark(text: str, kind: str) -> str:
    data = text.encode("utf-8", "backslashreplace")
    # No colon before the digest: behind `password:` it would be redacted once more.
    return f"[REDACTED:{kind}-{hashlib.blake2b(data, digest_size=8, person=b'agenttrace id 1').hexdigest()}]"
