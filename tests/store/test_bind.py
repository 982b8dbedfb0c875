"""Rows to insert are bound the same way in C and in Python."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.model.rows import RunRow, values_of_run
from agenttrace.store.sql_text import NOTHING, of_many
from agenttrace.store.sqlite_tables import bind, bind_in_python
from agenttrace.testing.records import batch_of, run_record

_numbers = st.one_of(st.booleans(), st.integers(), st.floats(), st.just(NOTHING))
_values = st.one_of(st.none(), st.none(), _numbers, st.text(), st.binary(max_size=20))


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
    columns = st.sets(st.integers(0, len(rows[0]) - 1)).map(lambda places: tuple(sorted(places)))
    filled, gaps = data.draw(columns), data.draw(columns)
    found, expected = bind(rows, filled, gaps), bind_in_python(rows, filled, gaps)
    assert repr(found) == repr(expected)
    assert [type(value) for value in found[2]] == [type(value) for value in expected[2]]
    assert len(found[2]) == len(rows) * len(found[0])


@given(_rows(), st.data())
def test_what_is_bound_is_stored_as_it_was(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    """Whatever was known before: None is NULL, and the number that says so is a number."""
    rows = [tuple(value % 1000 if type(value) is int else value for value in row) for row in rows]
    names = [f"c{place}" for place in range(len(rows[0]))]
    insert = f"INSERT INTO t ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    columns = st.sets(st.integers(0, len(names) - 1)).map(lambda places: tuple(sorted(places)))
    filled, gaps, values = bind(rows, data.draw(columns), data.draw(columns))
    if not filled:
        return
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(names)})")
        connection.execute(of_many(insert, len(rows), filled, gaps), values)
        stored = connection.execute("SELECT * FROM t").fetchall()
    assert repr(stored) == repr([tuple(map(_as_stored, row)) for row in rows])


def test_no_parameter_has_a_number() -> None:
    """From Python 3.12 on the driver looks for each one's number among all, and some versions warn of each."""
    for rows in (1, 3):
        insert = of_many("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING", rows, (0, 1), (1,))
        assert insert.count("?") == 2 * rows
        assert not re.search(r"\?\d", insert)


@pytest.mark.parametrize("kind", ["BLOB", "BOOLEAN", "INTEGER", "REAL", "TEXT"])
def test_a_column_takes_a_value_as_it_does_without_gaps(kind: str) -> None:
    """Its affinity is that of the table's column, whether a number may say NULL or not."""
    values = [7, -7, 0.5, "7", "-0.5", "seven", b"7", "", 1 << 62]
    insert = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
    with closing(sqlite3.connect(":memory:")) as connection:
        seen: list[list[Any]] = []
        for gaps in ((), (1,)):
            for rows in (1, len(values)):
                connection.execute("DROP TABLE IF EXISTS t")
                connection.execute(f"CREATE TABLE t (a PRIMARY KEY, b {kind})")
                pairs = [part for pair in enumerate(values) for part in pair]
                for start in range(0, len(pairs), 2 * rows):
                    for _again in range(2):
                        connection.execute(of_many(insert, rows, (0, 1), gaps), pairs[start : start + 2 * rows])
                seen.append(connection.execute("SELECT a, b, typeof(b) FROM t ORDER BY a").fetchall())
    assert seen == [seen[0]] * 4


def _as_stored(value: Any) -> Any:
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, float) and value != value:
        return None
    return int(value) if isinstance(value, bool) else value


def test_what_stands_in_a_row_stays_as_it_is() -> None:
    """And what is bound does not follow it. A number stands for None, where it does not stand for itself."""
    key, text = b"key", "text"
    rows: list[tuple[Any, ...]] = [(key, None, text, True, None, None), (b"", 1, "", False, None, -0.5)]
    filled, gaps, values = bind(rows, (), ())
    assert (filled, gaps) == ((0, 1, 2, 3, 5), (1,))
    assert values == (bytearray(b"key"), -0.5, "text", 1, None, bytearray(), 1, "", 0, -0.5)
    assert key == b"key"


def test_runs_are_bound_as_their_values_are() -> None:
    """Beside tuples of as many values."""
    runs = list(batch_of(run_record(1, end=2), run_record(2, content={"input": "x"})).runs.values())
    values = [values_of_run(run) for run in runs]
    for rows in ([runs[0], runs[1]], [runs[0], values[1]], [values[0], runs[1]]):
        for way in (bind, bind_in_python):
            assert repr(way(rows, (), (16,))) == repr(bind_in_python(list(values), (), (16,)))


@pytest.mark.parametrize("rows", [[(1,), (1, 2)], [(1, 2), (1,)]])
@pytest.mark.parametrize("way", [bind, bind_in_python])
def test_rows_of_several_lengths_are_refused(way: Any, rows: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"same length|zip\(\)"):
        way(rows, (), ())


def test_the_compiled_way_is_used_where_there_is_a_compiler() -> None:
    assert bind is not bind_in_python or shutil.which("cc") is None


@pytest.mark.skipif(bind is bind_in_python, reason="built without a compiler")
def test_the_compiled_way_says_what_it_takes() -> None:
    """It is called by nobody else, and does not crash whatever it is given."""
    odd: Any = bind
    for given_, known in ((None, ()), ([], ()), ([(1,)], None), ((), ())):
        for more in ((known, ()), ((), known)):
            if given_ != [(1,)] or None in more:
                with pytest.raises(TypeError, match="bind: takes"):
                    odd(given_, *more)
    (run,) = batch_of(run_record(1)).runs.values()
    unmade = RunRow.__new__(RunRow)
    for rows in ([run, (1,)], [(1,), run], [unmade], [run, unmade]):
        with pytest.raises(ValueError, match="bind: rows"):
            odd(rows, (), ())
    for given_, known in (([(1,)], (1,)), ([(1,)], (-1,)), ([1], ()), ([(1,), 2], ()), ([(1,) * 300], ())):
        for more in ((known, ()), ((), known)):
            with pytest.raises(ValueError, match="bind: "):
                odd(given_, *more)
    with pytest.raises(TypeError):
        odd([(1,)], ("a",), ())
