"""The conformance suite notices it when a store breaks a promise: each promise has tests, and a mutant they catch."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agenttrace.store import protocol
from agenttrace.store.memory import MemoryStore
from agenttrace.store.promises import PROMISES
from agenttrace.testing.conformance import StoreConformance
from agenttrace.testing.suite import filters
from agenttrace.testing.suite.oracle import runs_that_fit
from agenttrace.testing.suite.proves import promises_of, proves
from tests.store.mutants import MUTANTS, promise_of, suite_of, unbroken_suite
from tests.store.suite_runner import run, suite_tests

_passed: set[tuple[type, str]] = set()  # many tests prove several promises; once is enough


def test_each_promise_has_a_mutant() -> None:
    """And no mutant breaks what nobody promised."""
    assert {promise_of(mutant) for mutant in MUTANTS} == PROMISES.keys()


def test_each_promise_has_tests_and_each_test_promises() -> None:
    """A test of the suite that proves nothing, or a promise that nothing proves, is an oversight."""
    proved = {promise for test in suite_tests().values() for promise in promises_of(test)}
    assert proved == PROMISES.keys()
    assert [name for name, test in suite_tests().items() if not promises_of(test)] == []


def test_the_protocol_names_its_promises() -> None:
    """Each id stands in a docstring of the protocol, and none stands there that does not exist."""
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", Path(protocol.__file__).read_text(encoding="utf-8")))
    assert PROMISES.keys() - named == set()
    rooms = {promise.partition(".")[0] for promise in PROMISES}
    assert {name for name in named if name.partition(".")[0] in rooms} <= PROMISES.keys()


def test_the_docs_have_each_promise() -> None:
    """docs/store-conformance.md has a row for each, in the order of the table, with its sentence."""
    page = Path(__file__).parents[2].joinpath("docs", "store-conformance.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z]+\.[a-z_]+)` \| (.+) \|$", page)
    assert rows == list(PROMISES.items())


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_the_suite_catches_a_store_that_breaks_a_promise(mutant: str, tmp_path: Path) -> None:
    """A test of that promise fails, by what it asserts, and the failure names the promise."""
    promise = promise_of(mutant)
    outcomes = (run(suite_of(mutant), test, tmp_path) for test in suite_tests(promise).values())
    error = next((outcome for outcome in outcomes if outcome is not None), None)
    assert error is not None, f"no test of {promise} fails"
    assert isinstance(error, (AssertionError, pytest.fail.Exception)), repr(error)
    assert any(promise in note for note in error.__notes__)


@pytest.mark.parametrize("promise", sorted(PROMISES))
def test_the_same_tests_pass_where_nothing_is_broken(promise: str, tmp_path: Path) -> None:
    """So it is the promise that the mutant breaks, and not the suite."""
    suite = unbroken_suite(promise)
    for name, test in suite_tests(promise).items():
        if (type(suite), name) not in _passed:
            error = run(suite, test, tmp_path)
            assert error is None or isinstance(error, pytest.xfail.Exception), (name, repr(error))
            _passed.add((type(suite), name))


def test_each_field_of_a_run_filter_shows_beside_each_other() -> None:
    """A store that forgets one field where another is set would return other runs: the suite's rows tell them apart."""
    store = MemoryStore()
    store.open()
    runs = filters.write_runs(store)
    unnoticed = {
        (name, beside)
        for one, other in itertools.combinations(filters.FIELDS, 2)
        for name, beside in ((one, other), (other, one))
        if not any(
            runs_that_fit(runs, where) != runs_that_fit(runs, _only(where, beside))
            for where in filters.asks(one, other)
        )
    }
    assert unnoticed == set()


def _only(where: dict[str, Any], field: str) -> dict[str, Any]:
    names = {name for option in filters.FIELDS[field] for name in option}
    return {name: value for name, value in where.items() if name in names}


def test_a_store_that_does_not_say_what_it_can_fails(tmp_path: Path) -> None:
    """Nothing is skipped silently: not saying fails, saying no is an expected failure that names the promise."""

    class Silent(StoreConformance):
        pass

    class Modest(StoreConformance):
        processes = False

    with pytest.raises(pytest.fail.Exception, match="say processes = True or False"):
        Silent().needs("processes", "store.processes")
    with pytest.raises(pytest.xfail.Exception, match=r"store\.processes is not proved"):
        Modest().needs("processes", "store.processes")
    with pytest.raises(NotImplementedError):
        Silent().make_store(tmp_path, lambda: 0)


def test_a_promise_that_does_not_exist_cannot_be_proved() -> None:
    """Nor nothing at all."""
    for wrong in (("merge.oder",), ()):
        with pytest.raises(ValueError, match="promise"):
            proves(*wrong)


def test_the_report_of_a_store_of_ones_own_shows_what_is_not_proved(tmp_path: Path) -> None:
    """A file as a third party writes it: what fails and what is not proved names the promise; pytest ends with 1."""
    path = tmp_path / "test_mine.py"
    path.write_text(_MINE, encoding="utf-8")
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-ra",
            "-k",
            "clock_is or midway or processes",
            path,
        ],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 1, told.stdout + told.stderr
    assert "TestMine.processes is False: store.processes is not proved for this store" in told.stdout
    assert "This store breaks the promise store.clock: " in told.stdout
    assert told.stdout.count("TestMine: say faults = True or False") >= 2
    assert re.search(r"3 failed, \d+ deselected, 1 xfailed", told.stdout)


_MINE = """
from agenttrace.store.memory import MemoryStore
from agenttrace.testing.conformance import StoreConformance


class TestMine(StoreConformance):
    processes = False

    def make_store(self, tmp_path, clock):
        return MemoryStore(clock=lambda: clock() + 1)
"""
