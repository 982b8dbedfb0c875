"""The first step of the gate in Python: used where `_scan.h` could not be built, and for lone surrogates. Pure."""

from __future__ import annotations

import re
from typing import Final

from agenttrace.record.secretwords import COLON, EQUALS, ESCAPE, FORM, QUOTED

__all__ = ["look_in_python"]

# The cheap looks at both sides stand first; most dashes and underscores of ids and prose end there.
_DASHED: Final = re.compile(
    r"-(?<=[slapx][a-z]-)(?=[A-Za-z0-9_.-]{10})(?:(?<=sk-)|(?<=xai-)|(?<=pplx-)|(?<=glpat-)|(?<=xox[a-z]-)"
    r"|(?<=xapp-)|(?<=pypi-)|(?<=tvly-))"
)
_SCORED: Final = re.compile(
    r"_(?<=[acefikmnoprstuw128]_)(?=[A-Za-z0-9_.+/=-]{12})(?:(?<=gh[opusr]_)|(?<=github_pat_)|(?<=k_live_)|(?<=k_test_)"
    r"|(?<=whsec_)|(?<=hf_)|(?<=gsk_)|(?<=npm_)|(?<=r8_)|(?<=agtk_)|(?<=do[opr]_v1_)|(?<=pylf_v[12]_)|(?<=shp[cp]a_)"
    r"|(?<=shpat_)|(?<=shpss_)|(?<=lin_api_)|(?<=pcsk_)|(?<=lsv2_sk_)|(?<=lsv2_pt_)|(?<=ntn_)|(?<=fw_))"
)
_COLONED: Final = re.compile(
    r":(?:AA(?=[A-Za-z0-9_.-]{33})|//(?:hooks\.slack\.com/|(?:ptb\.|canary\.)?discord(?:app)?\.com/api/))"
)
_ASSIGNED: Final = re.compile(r"=(?=[A-Za-z0-9_.+/%-]{40})(?:(?<=sig=)|(?<=AccountKey=))")
_VAULT: Final = re.compile(r"hv[sb]\.[A-Za-z0-9_.-]{24}")
_GOOGLE: Final = re.compile(r"ya29\.[A-Za-z0-9_.-]{30}")
_OF_32: Final = re.compile(r"(?:dapi|SK)[0-9a-f]{32}")
_USER_OPTION: Final = re.compile(r"(?<= )-(?:[A-Za-z]{0,7}u(?![A-Za-z])|-user).{0,1000}?:", re.S)
_CAPITAL_B: Final = re.compile(r"B(?:EGIN |earer|EARER|asic|ASIC)")
_ESCAPE: Final = re.compile(r"\\(?:/|u00[0-7])")

_CARD: Final = re.compile(r"[2-6](?:(?<![0-9].)(?<![0-9]\..)|(?<=\\u[0-9a-fA-F]{4}.))(?:[ -]?[0-9]){12}", re.S)
_DIGITS: Final = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
_THIRTEEN: Final = b"0" * 13


def look_in_python(text: str) -> int:
    """Return what has to be looked at more closely; ESCAPE alone where nothing could be a secret.

    Searching for one rare character is a memchr (about 40 ns a KB), searching for more is not (500 ns and more), so
    almost everything hangs on a single character first.
    """
    found = ESCAPE
    if '"' in text:
        found |= QUOTED
    if ":" in text:
        found |= COLON
    if "=" in text:
        found |= EQUALS
    return found | FORM if _has_form(text) else found


def _has_form(text: str) -> bool:
    return (
        ("J" in text and "eyJ" in text)
        or ("@" in text and "://" in text)
        or ("I" in text and _provider_key(text))
        or ("B" in text and _CAPITAL_B.search(text) is not None)
        or ("G" in text and "SG." in text)
        or ("9" in text and "ya29." in text and _GOOGLE.search(text) is not None)
        or ("." in text and ("hvs." in text or "hvb." in text) and _VAULT.search(text) is not None)
        or (":" in text and _COLONED.search(text) is not None)
        or ("=" in text and _ASSIGNED.search(text) is not None)
        or ((("K" in text and "SK" in text) or "dapi" in text) and _OF_32.search(text) is not None)
        or ("-" in text and "curl" in text and _USER_OPTION.search(text) is not None)
        or ("\\" in text and _ESCAPE.search(text) is not None)
        or ("-" in text and _DASHED.search(text) is not None)
        or ("_" in text and _SCORED.search(text) is not None)
        or (("4" in text or "5" in text or "3" in text or "6" in text or "2" in text) and _card(text))
        or "bearer" in text
    )


def _card(text: str) -> bool:
    """Say whether 13 digits stand together, with single blanks or dashes between them, and not inside of a number."""
    return _THIRTEEN in text.encode("utf-8", "replace").translate(_DIGITS, b" -") and _CARD.search(text) is not None


def _provider_key(text: str) -> bool:
    return ("z" in text and "AIza" in text) or ("K" in text and "AKIA" in text) or ("S" in text and "ASIA" in text)
