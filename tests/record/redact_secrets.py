"""Secrets of every known form (made up), and text that only resembles them."""

from __future__ import annotations

import base64

from agenttrace.record.capture import to_json
from agenttrace.record.redact import Redactor

A = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
B = "Zq8Wx7Cv6Bn5Mm4Ll3Kk2Jj1Hh0Gg9Ff8Dd7Ss6Aa5"
_PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

_HEX = 2 * "0123456789abcdef"


def _long(length: int) -> str:
    """Return letters and digits that nobody would write."""
    return (A + B + A)[:length]


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
    *(("password", f"curl {option}ann:open-sesame-1 https://example.org") for option in ("-u ", "-sSu '", "--user=")),
    ("password", "curl https://example.org \\\n  -u ann:open-sesame-1"),
    ("azure_key", "AccountKey=" + _long(86) + "=="),
    ("azure_signature", "https://x.blob.core.windows.net/c?sv=2020&sig=" + _long(43) + "%3D"),
    ("slack_webhook", "https://hooks.slack.com/services/T00000000/B00000000/" + _long(24)),
    ("slack_webhook", "https://hooks.slack.com/workflows/T00000000/A00000000/123456789012345678/" + _long(24)),
    ("discord_webhook", "https://discord.com/api/webhooks/123456789012345678/" + _long(68)),
    ("discord_webhook", "https://canary.discord.com/api/v10/webhooks/123456789012345678/" + _long(68)),
    ("telegram_token", "123456789:AA" + _long(33)),
    ("twilio_key", "SK" + _HEX),
    ("google_token", "ya29." + _long(100)),
    ("databricks_token", "dapi" + _HEX),
    ("databricks_token", f"dapi{_HEX}-2"),
    *(("vault_token", prefix + _long(24)) for prefix in ("hvs.", "hvb.")),
    *(("digitalocean_token", f"do{letter}_v1_" + 2 * _HEX) for letter in "opr"),
    *(("shopify_token", f"shp{kind}_" + _HEX) for kind in ("at", "ca", "pa", "ss")),
    ("api_key", "lin_api_" + _long(40)),
    ("api_key", "ntn_" + _long(46)),
    *(("api_key", f"lsv2_{kind}_{_HEX}_0123456789") for kind in ("pt", "sk")),
    *(("api_key", prefix + _long(43)) for prefix in ("pylf_v1_", "pylf_v1_us_", "pylf_v2_eu_")),
    *(("api_key", prefix + _long(32)) for prefix in ("tvly-", "tvly-dev-")),
    ("api_key", f"pcsk_{A[:5]}_" + _long(60)),
    ("api_key", "fw_" + _long(24)),
    ("api_key", "fw_" + "bUQbyBoZLiNc" + "ilMsoBVuIOxk"),
    *(("api_key", prefix + 48 * "a") for prefix in ("sk-", "sk-proj-")),
]


def _core(kind: str, secret: str) -> str:
    """Return a part of the secret that must not be left."""
    if kind == "private_key":
        return _PEM_BODY
    if kind.endswith(("_webhook", "_signature")) or kind == "azure_key":
        return A[:20]
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
    "fw_update_firmware_version_number_2, fw_0123456789abcdef01234567, fw_updateFirmwareVersionNumber2_x",
    f"TASK{_HEX} SK{_HEX}0 SK{_HEX[:31]} SK{_HEX[:31]}G sk{_HEX}, CA{_HEX} and AC{_HEX}, dapi{_HEX}0 adapi{_HEX}",
    "dapi_client_for_the_warehouse_of_ours, dapi0123456789abcdef, dapper",
    "hvs.compute_the_visual_system_score(image), hvs.short1, svhvs.A1234567890123456789012345",
    "ya29.py and ya29.5; shpat_of_the_house, dop_v1_release_notes_of_the_product_for_this_year",
    "lin_api_client_of_mine_for_the_board, ntn_to_be_named_by_somebody_else_than_the_two_of_us",
    "lsv2_pt_of_the_house_and_more_than_that, pylf_v1_us_region, pcsk_one, tvly-dev-tools-for-the-whole-team",
    "12345678:AAAA and 12:AA34, 123456789:AA" + _long(32) + ", 123456789:AB" + _long(33),
    "https://hooks.slack.com/services, https://api.slack.com/messaging/webhooks, https://slack.com/api/chat.postMessage",
    "https://discord.com/api/webhooks/ID/TOKEN, https://discord.com/channels/123456789012345678/234567890123456789",
    "AccountKey=<key>; sig=inspect.signature(f); ?sig=abc&n=1; a design=" + _long(48),
    "docker run -u 1000:1000 x; git push -u origin main:main; curl -u $USER:$PASS x; curl -u ann x",
    "curl https://example.org\ndocker run -u 1000:1000 x; python -u a.py",
    "curl https://example.org/x.tar | podman run -u ann:staff x",
    "Bitte geben Sie Ihr Kennwort ein – schönen Tag! 日本語のテキスト 🙂",
]


def to_clean_json(value: object, redactor: Redactor) -> bytes:
    """Return the redacted JSON of anything, the thorough way."""
    return redactor.text_json(value) if type(value) is str else redactor.json(to_json(value))
