"""Following runs, on a store that is a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from agenttrace.cli.follow import Follower
from agenttrace.model.run import Run

Make = Callable[..., Run]
NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)


class Runs:
    """A list of runs with the one method of Query that following needs."""

    def __init__(self, *runs: Run) -> None:
        self.stored = list(runs)

    def runs(
        self, *, workspace_id: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> Iterator[Run]:
        found = [run for run in self.stored if since is None or run.start_time >= since]
        return iter(sorted(found, key=lambda run: run.start_time, reverse=True)[:limit])


def follower(runs: Runs) -> Follower:
    return Follower(runs, workspace_id=None)  # pyright: ignore[reportArgumentType]


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]


def test_it_begins_with_the_newest_runs_oldest_first(make_run: Make) -> None:
    """The first look shows as many as were asked for; none of them is news afterwards."""
    store = Runs(*(make_run(name=str(number)) for number in range(5)))
    seen = follower(store)
    assert names(seen.start(2)) == ["3", "4"]
    assert seen.news() == []


def test_nothing_is_shown_at_first_where_nothing_was_asked_for(make_run: Make) -> None:
    """`last` 0 shows only what comes."""
    store = Runs(make_run(name="old"))
    seen = follower(store)
    assert seen.start(0) == []
    store.stored.append(make_run(name="new"))
    assert names(seen.news()) == ["new"]


def test_a_store_that_was_empty_shows_all_that_comes(make_run: Make) -> None:
    """The first runs of a store are news, however many."""
    store = Runs()
    seen = follower(store)
    assert seen.start(10) == []
    store.stored += [make_run() for _ in range(30)]
    assert len(seen.news()) == 30
    assert seen.news() == []


def test_a_run_is_shown_again_when_its_status_changes(make_run: Make) -> None:
    """An open run is watched, also when many others started after it."""
    slow = make_run(name="slow", status="running", end_time=None, start_time=NOON)
    store = Runs(slow)
    seen = follower(store)
    assert names(seen.start(10)) == ["slow"]
    store.stored.append(make_run(name="later", start_time=NOON + timedelta(minutes=30)))
    assert names(seen.news()) == ["later"]
    slow.status = "success"
    assert names(seen.news()) == ["slow"]
    assert seen.news() == []


def test_a_run_that_is_stored_late_is_shown(make_run: Make) -> None:
    """Runs reach the store out of order: one that began before the newest known one is news as well."""
    store = Runs(make_run(name="newest", start_time=NOON))
    seen = follower(store)
    seen.start(10)
    store.stored.append(make_run(name="late", start_time=NOON - timedelta(seconds=5)))
    assert names(seen.news()) == ["late"]


def test_a_run_that_stays_open_is_forgotten_in_the_end(make_run: Make) -> None:
    """A run that never ends does not make every look read the whole store."""
    forever = make_run(name="forever", status="pending", end_time=None, start_time=NOON)
    store = Runs(forever)
    seen = follower(store)
    seen.start(10)
    store.stored.append(make_run(name="much later", start_time=NOON + timedelta(hours=2)))
    assert names(seen.news()) == ["much later"]
    forever.status = "success"
    assert seen.news() == []
