"""Run tests of the conformance suite in this process, on any store, and tell how they failed."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agenttrace.testing.conformance import StoreConformance
from agenttrace.testing.suite.base import StandingClock
from agenttrace.testing.suite.proves import promises_of


def suite_tests(promise: str | None = None) -> dict[str, Callable[..., None]]:
    """Return the suite's tests by name: all of them, or those that prove a promise; in the order of their files."""
    found = {name: test for name, test in inspect.getmembers(StoreConformance) if name.startswith("test_")}
    found = dict(sorted(found.items(), key=lambda item: _place(item[1])))
    return {name: test for name, test in found.items() if promise is None or promise in promises_of(test)}


def run(suite: StoreConformance, test: Callable[..., None], folder: Path) -> BaseException | None:
    """Return what a test raises, in the first of its variants that fails; None where all pass."""
    for number, values in enumerate(_variants(test)):
        place = folder / f"{test.__name__}{number}"
        place.mkdir(parents=True)
        raised = _run(suite, test, place, values)
        if raised is not None:
            return raised
    return None


def _place(test: Callable[..., None]) -> tuple[str, int]:
    return test.__module__, inspect.unwrap(test).__code__.co_firstlineno


def _run(
    suite: StoreConformance, test: Callable[..., None], place: Path, values: dict[str, Any]
) -> BaseException | None:
    clock = StandingClock()
    store = suite.make_store(place, clock)
    fixtures = {"store": store, "clock": clock, "tmp_path": place} | values
    store.open()
    try:
        test(suite, **{name: fixtures[name] for name in list(inspect.signature(test).parameters)[1:]})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return error
    finally:
        store.close()
    return None


def _variants(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """Yield the arguments that `pytest.mark.parametrize` gives a test: one empty dict where there is no mark."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    choices = [[{mark.args[0]: value} for value in mark.args[1]] for mark in marks]
    for chosen in itertools.product(*choices):
        yield {name: value for part in chosen for name, value in part.items()}
