"""Rows to insert are bound the same way in C and in Python."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.store.sqlite_tables import bind, bind_in_python

_values = st.one_of(st.none(), st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=20))


class _Odd(bytes):
    """Bytes of somebody's own class."""


@st.composite
def _rows(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    width = draw(st.integers(1, 12))
    values = st.one_of(_values, st.just(_Odd(b"odd")))
    return draw(st.lists(st.tuples(*[values] * width), min_size=1, max_size=8))


@given(_rows(), st.data())
def test_both_ways_bind_the_same(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    """Columns with a value, and those that are known; bytes as bytearray and truth values as numbers."""
    known = tuple(sorted(data.draw(st.sets(st.integers(0, len(rows[0]) - 1)))))
    found, expected = bind(rows, known), bind_in_python(rows, known)
    assert repr(found) == repr(expected)
    assert [type(value) for value in found[1]] == [type(value) for value in expected[1]]
    assert len(found[1]) == len(rows) * len(found[0])


def test_what_stands_in_a_row_stays_as_it_is() -> None:
    """And what is bound does not follow it."""
    key, text = b"key", "text"
    places, values = bind([(key, None, text, True, None), (b"", 1, "", False, None)], ())
    assert (places, values) == ((0, 1, 2, 3), (bytearray(b"key"), None, "text", 1, bytearray(), 1, "", 0))
    assert key == b"key"


@pytest.mark.parametrize("rows", [[(1,), (1, 2)], [(1, 2), (1,)]])
@pytest.mark.parametrize("way", [bind, bind_in_python])
def test_rows_of_several_lengths_are_refused(way: Any, rows: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"same length|zip\(\)"):
        way(rows, ())


def test_the_compiled_way_is_used_where_there_is_a_compiler() -> None:
    assert bind is not bind_in_python or shutil.which("cc") is None


@pytest.mark.skipif(bind is bind_in_python, reason="built without a compiler")
def test_the_compiled_way_says_what_it_takes() -> None:
    """It is called by nobody else, and does not crash whatever it is given."""
    odd: Any = bind
    for given_, known in ((None, ()), ([], ()), ([(1,)], None), ((), ())):
        with pytest.raises(TypeError, match="bind: takes"):
            odd(given_, known)
    for given_, known in (([(1,)], (1,)), ([(1,)], (-1,)), ([1], ()), ([(1,), 2], ()), ([(1,) * 300], ())):
        with pytest.raises(ValueError, match="bind: "):
            odd(given_, known)
    with pytest.raises(TypeError):
        odd([(1,)], ("a",))
