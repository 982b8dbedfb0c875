"""Secrets of every known form (made up), and text that only resembles them."""

from __future__ import annotations

import base64

from agenttrace.record.capture import to_json
from agenttrace.record.redact import Redactor

A = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
B = "Zq8Wx7Cv6Bn5Mm4Ll3Kk2Jj1Hh0Gg9Ff8Dd7Ss6Aa5"
_PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

#: (kind, secret)
KINDS: list[tuple[str, str]] = [
    *(("api_key", prefix + A) for prefix in ("sk-", "sk-proj-", "sk-ant-api03-", "sk-or-v1-", "gsk_", "xai-", "pplx-")),
    *(("github_token", f"gh{letter}_{A}") for letter in "opusr"),
    ("github_token", f"github_pat_{A[:22]}_{B}"),
    ("gitlab_token", f"glpat-{A[:20]}"),
    ("slack_token", "xoxb-1234567890-1234567890123-" + A[:24]),
    ("slack_token", "xoxp-1234567890-" + A[:24]),
    ("slack_token", "xapp-1-A012-345-" + A[:24]),
    *(("stripe_key", prefix + A[:24]) for prefix in ("sk_live_", "rk_live_", "sk_test_", "whsec_")),
    ("huggingface_token", "hf_" + "abcdefghijKLMNOPQRSTuvwxyzABCDEFGH"),
    ("npm_token", "npm_" + A),
    ("pypi_token", "pypi-AgEIcHlwaS5vcmcC" + A),
    ("api_key", f"SG.{A[:22]}.{B}"),
    ("api_key", "r8_" + A),
    ("agenttrace_key", "agtk_0123456789abcdef_" + "5f" * 32),
    ("google_key", "AIza" + A[:35]),
    ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_key", "ASIAIOSFODNN7EXAMPLE"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + A),
    ("bearer", "Bearer " + A),
    ("bearer", "bearer " + B),
    ("basic", "Basic " + base64.b64encode(b"ann:open sesame").decode()),
    ("private_key", f"-----BEGIN RSA PRIVATE KEY-----\n{_PEM_BODY}\n{A}=\n-----END RSA PRIVATE KEY-----"),
    ("private_key", f"-----BEGIN PRIVATE KEY-----\n{_PEM_BODY}\n{A}"),
    ("private_key", f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{_PEM_BODY}\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("password", "https://ann:open-sesame-1@example.org/x"),
]


def _core(kind: str, secret: str) -> str:
    """Return a part of the secret that must not be left."""
    if kind == "private_key":
        return _PEM_BODY
    return {"password": "open-sesame-1"}.get(kind, secret.split(" ", 1)[-1] if kind in ("bearer", "basic") else secret)


#: secret -> the part of it that must not be left
SECRETS: dict[str, str] = {secret: _core(kind, secret) for kind, secret in KINDS}

SECRET_FREE: list[str] = [
    "How do I install the widget on my page?",
    "The author's secretary wrote: cookies are fine, tokens cost money. Pass the password policy on.",
    "task-management-system-overview-for-2026-edition, a risk-assessment-of-the-third-kind",
    "sk-learn-pipeline-and-more-text-here, sk-container-id-1",
    "see hf_hub_download and npm_config_registry and gh_actions_runner_name_of_mine",
    "019ab3c4-5d6e-7f80-8a1b-2c3d4e5f6071 at 2026-11-21T22:05:17.123456Z took 1234567890123 ns",
    "00000000-0000-4000-8000-000000000000 41111111-1111-4111-8111-111111111111",
    "trace 0af7651916cd43dd8448eb211c80319c span b7ad6b7169203331",
    "order 1700000000000, epoch_us=1763762717123456, snowflake 1234567890123456789",
    "12:30: the meeting; ratio 3:4; see https://example.org:8080/path?q=1&page=2#part",
    "mail ann@example.org or http://example.org/@ann",
    "if x == 1: return {'max_tokens': 5, \"input_tokens\": 7}",
    "def login(password: str, token: str | None = None) -> None: ...",
    '{"type":"object","n":[1,2.5,true,null]}',
    "password: null, secret=None, token: true",
    "the bearer of this letter; Bearer tokens; Basic authentication; basic instructions",
    "eyJust a word. JAVA. AIzawa SG. KIA and AKIA",
    'C:\\new\\tables and a "quoted": word \\u00e9 \\n',
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "scores 0.4532015112830366, 0.6011000990139424",
    "Bitte geben Sie Ihr Kennwort ein – schönen Tag! 日本語のテキスト 🙂",
]


def to_clean_json(value: object, redactor: Redactor) -> bytes:
    """Return the redacted JSON of anything, the thorough way."""
    return redactor.text_json(value) if type(value) is str else redactor.json(to_json(value))
