"""What of all that was seen needs attention, and what to do about it: one line each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agenttrace.health.report import Finding
from agenttrace.model.times import micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agenttrace.health.report import SelfSeen, StoreSeen
    from agenttrace.journal.inspect import JournalSeen, RootSeen
    from agenttrace.journal.rights import Exposed

__all__ = ["findings_of"]

_LATE = 60.0  # seconds after which a record should have been stored, or a dead journal adopted
_LITTLE_ROOM = 128 << 20

_RESTART = (
    "whatever records or queries with this store adopts it: start the program again, or run "
    "`python -c 'import agenttrace; agenttrace.flush()'` with its settings"
)

_LETTERS = (
    "see `agenttrace letters list`; once the reason is gone, `agenttrace letters retry`, else "
    "`agenttrace letters discard ID`"
)


_IN_REACH = "see whether the store is in reach of that process, and what its log says"


def findings_of(
    *, store: StoreSeen, roots: tuple[RootSeen, ...], process: SelfSeen | None, expected: bool, now: datetime
) -> tuple[Finding, ...]:
    """Return what needs attention, the worst first. `expected`: the store should be there by now."""
    found = [
        *_store(store, expected=expected),
        *(finding for number, root in enumerate(roots) for finding in _root(root, now, exports=number > 0)),
        *(() if process is None else _process(process)),
    ]
    return tuple(sorted(found, key=lambda finding: -finding.status))


def _finding(code: str, what: str, do: str, *, status: Literal[1, 2] = 1) -> Finding:
    return Finding(code=code, status=status, what=what, do=do)


def _store(store: StoreSeen, *, expected: bool) -> Iterator[Finding]:
    if store.schema == "missing":
        if expected:
            yield _finding(
                "store_missing", store.error or "", "name another store, or record something: that makes it", status=2
            )
    elif store.schema == "newer":
        what = f"the tables have version {store.version}, this agenttrace knows {store.known_version}"
        if store.version is None:
            what = store.error or "the tables are of a newer agenttrace"
        yield _finding("store_newer", what, "upgrade this program: `pip install --upgrade agenttrace-otel`", status=2)
    elif not store.reachable:
        what = f"the store cannot be reached: {store.error}"
        yield _finding("store_unreachable", what, "start it, or mend the URL, the network or the rights", status=2)
    elif store.schema == "older":
        what = f"the tables have version {store.version}, this agenttrace knows {store.known_version}"
        yield _finding("store_older", what, "run `agenttrace migrate`; else the next process that writes does it")
    elif store.schema == "none" and expected:
        yield _finding("store_empty", "there are no tables yet", "record something: that makes them")
    yield from _numbers(store)
    yield from _rights(store.exposed)


def _numbers(store: StoreSeen) -> Iterator[Finding]:
    if store.reachable and not store.complete:
        yield _finding("store_slow", "the store did not answer all questions in time", "ask with a longer timeout")
    silent = [process for process in store.processes if process.stood_still]
    if silent:
        who = ", ".join(f"{one.host} pid {one.pid}" for one in silent[:3]) + (", ..." if len(silent) > 3 else "")
        yield _finding(
            "heartbeats",
            f"{_many(len(silent), 'process', 'processes')} stood still: {who}",
            "see whether they live and reach the store; the runs of those that died are closed by any that records",
        )
    if store.gaps:
        yield _finding(
            "gaps",
            f"{_many(store.gaps, 'gap')} in the traces, {_many(store.missing_records or 0, 'record')} missing",
            "make room on the disk of the journal, raise journal_max_bytes, or speed up the store",
        )
    if store.dead_letters is not None and store.dead_letters.recent:
        letters = store.dead_letters
        yield _finding(
            "dead_letters", f"{_many(letters.recent, 'record')} refused by the store: {letters.last_error}", _LETTERS
        )
    if store.abandoned:
        yield _finding(
            "abandoned",
            f"{_many(store.abandoned, 'run')} ended as abandoned: their processes died",
            "look into the programs' own logs for what killed them (`agenttrace runs --status failed`)",
        )


def _root(root: RootSeen, now: datetime, *, exports: bool) -> Iterator[Finding]:
    if root.problem is not None:
        yield _finding("journal_unreadable", f"{root.path}: {root.problem}", "run as the user who records")
    for journal in root.journals:
        yield from _journal(journal, now)
    yield from _drainer(root)
    letters = root.dead_letters
    if letters.recent:
        who = "an exporter" if exports else "the store, and not set aside in it"
        yield _finding(
            "dead_letters",
            f"{_many(letters.recent, 'record')} refused by {who}: {letters.last_error}",
            f"look into {letters.files[-1]}, and delete it once that is done" if exports else _LETTERS,
        )
    if not letters.complete:
        yield _finding(
            "dead_letters_unread",
            f"{root.path}: not all dead letters could be read",
            "ask with a longer timeout",
        )
    if root.free_bytes is not None and root.free_bytes < _LITTLE_ROOM:
        yield _finding("disk", f"{root.path}: the disk has {root.free_bytes:,} bytes left", "make room on it")
    yield from _rights(root.exposed)


def _journal(journal: JournalSeen, now: datetime) -> Iterator[Finding]:
    name = journal.path.name
    who = f"journal {name[:8]}" + (f" (pid {journal.pid} on {journal.host})" if journal.pid is not None else "")
    if journal.problem is not None:
        yield _finding("journal_unreadable", f"{journal.path}: {journal.problem}", "run as the user who records")
        return
    if journal.damaged:
        yield _finding(
            "journal_damaged",
            f"{who}: {_many(journal.damaged, 'damaged place')}",
            "see whether the power failed or the disk is failing; what is whole is recovered",
        )
    if journal.alive is False and _seconds(journal.last_sign, now) > _LATE:
        yield _finding("journal_dead", f"{who}: its process died, {_waiting(journal)}", _RESTART)
    elif journal.alive is not False and journal.records and _seconds(journal.oldest, now) > _LATE:
        yield _finding(
            "backlog",
            f"{who}: {_waiting(journal)}, the oldest for {_seconds(journal.oldest, now):.0f} s",
            _IN_REACH if journal.writer != "process" else "see whether the drainer reaches the store",
        )


def _drainer(root: RootSeen) -> Iterator[Finding]:
    left = [one for one in root.journals if one.writer == "process" and one.alive is not False and one.records]
    if not left or (root.drainer is not None and root.drainer.running):
        return
    why = "" if root.drainer is None or root.drainer.trouble is None else f": {root.drainer.trouble}"
    count = sum(one.records for one in left)
    yield _finding(
        "drainer",
        f"{_many(count, 'record')} of {_many(len(left), 'process', 'processes')} wait for a drainer, and there is "
        f"none{why}",
        f"run `agenttrace drain --journal-dir {root.path}` with the store, in a supervisor or by hand",
    )


def _waiting(journal: JournalSeen) -> str:
    if not journal.records:
        return "nobody has adopted its journal"
    more = "" if journal.complete else " or more"
    return f"{_many(journal.records, 'record')}{more} ({journal.backlog_bytes:,} bytes) not in the store"


def _process(process: SelfSeen) -> Iterator[Finding]:
    stats = process.stats
    if stats.recorded and stats.journal_dir is None and stats.pending:
        yield _finding("memory", "the journal is in memory: a crash loses what waits", "give journal_dir a local disk")
    if stats.dead_letters_lost:
        yield _finding(
            "dead_letters_lost",
            f"{_many(stats.dead_letters_lost, 'record')} refused by the store and not set aside: no room, or no folder",
            "make room: `agenttrace letters list`, then `retry` or `discard`",
        )
    if stats.dropped:
        yield _finding("dropped", f"{_many(stats.dropped, 'record')} dropped: no room", "raise journal_max_bytes")
    if stats.internal_errors:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in list(process.errors.items())[:3])
        yield _finding(
            "internal_errors",
            f"{_many(stats.internal_errors, 'internal error')}: {kinds or stats.last_error}",
            "read the logger `agenttrace`: the first of each kind is there with its traceback; report it",
        )


def _rights(found: tuple[Exposed, ...]) -> Iterator[Finding]:
    foreign = [one for one in found if one.foreign]
    others = [one for one in found if not one.foreign]
    if foreign:
        first = foreign[0]
        yield _finding(
            "owner",
            f"{first.path} belongs to user {first.owner}{_and_more(foreign)}",
            "run all that share the folder as one user, or give each its own journal_dir",
        )
    if others:
        first = others[0]
        yield _finding(
            "rights",
            f"{first.path} is open to others, mode {first.mode}{_and_more(others)}",
            "take the rights away: `chmod -R go-rwx` on the folder, `chmod o-rwx` on a store",
        )


def _and_more(found: list[Exposed]) -> str:
    return f", and {len(found) - 1} more" if len(found) > 1 else ""


def _seconds(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else (micros(now) - micros(at)) / 1_000_000


def _many(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
