"""The compiled frame encoder writes what the one in Python writes."""

from __future__ import annotations

import shutil
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.journal.frames import NATIVE, encode, encode_in_python

SALTS = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), st.binary(max_size=700), SALTS)
@example(1, b"", 0)
@example(1, bytes(64), 2**32 - 1)
@example(255, bytes(range(256)) * 5, 7)
def test_both_encoders_give_the_same_frame(kind: int, payload: bytes, salt: int) -> None:
    """Every length, whatever its remainder by 8, 16 and 64, has the same header, checksum and padding."""
    assert encode(kind, payload, salt) == encode_in_python(kind, payload, salt)


@pytest.mark.parametrize("size", [*range(270), 1023, 4096, 1 << 20])
def test_checksums_agree_at_every_edge(size: int) -> None:
    """The steps of 8, 16 and 64 bytes meet without a gap."""
    payload = (b"\x00\xff\x80\x7fagent" * (size // 8 + 1))[:size]
    assert encode(3, payload, 0xDEADBEEF) == encode_in_python(3, payload, 0xDEADBEEF)


@pytest.mark.parametrize("arguments", [(1, "text", 0), (-1, b"", 0), ("1", b"", 0)])
def test_what_is_no_frame_is_an_error(arguments: tuple[object, ...]) -> None:
    """Neither encoder takes what has no place in a frame's header."""
    for way in (encode, encode_in_python):
        with pytest.raises((TypeError, OverflowError, struct.error)):
            way(*arguments)  # type: ignore[arg-type]


def test_the_compiled_encoder_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every call a microsecond."""
    assert NATIVE or shutil.which("cc") is None
