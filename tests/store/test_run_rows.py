"""Rows of runs whose fields lie in C: as any other dataclass, and quick to make and to take apart."""

from __future__ import annotations

import copy
import gc
import importlib
import pickle
import shutil
import sys
from dataclasses import fields, replace
from typing import Any

import pytest

from agenttrace.model import rows
from agenttrace.model.rows import RUN_FIELDS, RunRow, columns_of, run_of_values, values_of_run

VALUES: tuple[Any, ...] = tuple(f"value {number}" for number in range(len(RUN_FIELDS)))

if rows._rows is not None:
    from agenttrace.model import _rows


def test_they_are_compiled_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost the writer a fifth of its time."""
    assert rows._rows is not None or shutil.which("cc") is None


def test_values_come_back_in_the_order_of_the_columns() -> None:
    """The same that the constructor takes, and the fields that C knows."""
    run = run_of_values(VALUES)
    assert values_of_run(run) == VALUES
    assert tuple(getattr(run, name) for name in RUN_FIELDS) == VALUES
    assert columns_of(RunRow) == RUN_FIELDS
    assert sorted(RUN_FIELDS) == sorted(one.name for one in fields(RunRow))
    if rows._rows is not None:
        assert rows._rows.RunFields.__slots__ == RUN_FIELDS
    assert rows._run_of_values(VALUES) == run


def test_a_row_is_a_dataclass_like_any_other() -> None:
    """Made by its constructor, with defaults, compared, replaced, copied and pickled; without other attributes."""
    run = run_of_values(VALUES)
    made = RunRow(*VALUES[:36], learnt=VALUES[36], via=VALUES[37], history_link=VALUES[38], context_link=VALUES[39])
    assert made == run
    assert RunRow(*VALUES[:36]).learnt is None
    assert RunRow(*VALUES[:36]) != run
    other = replace(run, name="another", via=None)
    assert (other.name, other.via, run.name) == ("another", None, "value 7")
    assert pickle.loads(pickle.dumps(run)) == run  # noqa: S301
    assert copy.copy(run) == copy.deepcopy(run) == run
    assert "name='value 7'" in repr(run)
    with pytest.raises(AttributeError):
        run.other = 1  # pyright: ignore[reportAttributeAccessIssue]
    del run.name
    with pytest.raises(AttributeError):
        run.name  # noqa: B018
    with pytest.raises(AttributeError):
        values_of_run(run)


def test_what_a_row_held_goes_with_it() -> None:
    held = [object() for _ in RUN_FIELDS]
    before = [len(gc.get_referrers(one)) for one in held]
    run = run_of_values(tuple(held))
    assert values_of_run(run) == tuple(held)
    run.name = "another"
    del run
    assert [len(gc.get_referrers(one)) for one in held] == before


@pytest.mark.skipif(rows._rows is None, reason="built without a compiler")
def test_rows_are_rows_when_the_package_is_imported_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As programs do that clear `sys.modules`, or have a second interpreter: what records already goes on."""
    monkeypatch.delitem(sys.modules, "agenttrace.model._rows")
    another = importlib.import_module("agenttrace.model._rows")
    assert another.RunFields is _rows.RunFields
    assert values_of_run(run_of_values(VALUES)) == VALUES


@pytest.mark.skipif(rows._rows is None, reason="built without a compiler")
@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: _rows.row_of(RunRow, VALUES[:-1]), TypeError),
        (lambda: _rows.row_of(RunRow, list(VALUES)), TypeError),
        (lambda: _rows.row_of(dict, VALUES), TypeError),
        (lambda: _rows.row_of(RunRow("a"), VALUES), TypeError),
        (lambda: _rows.values(object()), TypeError),
        (lambda: _rows.values(RunRow.__new__(RunRow)), AttributeError),
        (lambda: _rows.read(), TypeError),
    ],
)
def test_what_is_no_row_is_refused(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
