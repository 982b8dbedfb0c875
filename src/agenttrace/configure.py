"""The only place where the parts are wired together: AgentTrace, and the default one behind the module's functions."""

from __future__ import annotations

import itertools
import os
import time
import uuid
import weakref
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from agenttrace.default import use_default
from agenttrace.faults import InternalError, InvalidQuery
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.settings import JournalSettings
from agenttrace.loading import LOADING, load
from agenttrace.location import maker, place_of
from agenttrace.model.ids import service_id as service_uuid
from agenttrace.record.makers import Makers
from agenttrace.record.recorder import DEFAULT_MAX_CONTENT_BYTES, RandomIds, Recorder, any_trace
from agenttrace.settings import absolute, check, check_kinds, journal_root, seconds, service_of_environment, writer_of

if TYPE_CHECKING:
    from pathlib import Path

    from agenttrace.access.audit import AuditTrail
    from agenttrace.access.keys import Keys
    from agenttrace.access.room import Access
    from agenttrace.erasure.filters import Before
    from agenttrace.erasure.receipt import Receipt
    from agenttrace.health.report import Report
    from agenttrace.journal.stats import Stats
    from agenttrace.letters import Letters
    from agenttrace.model.foreign import Derived
    from agenttrace.parameters import Redact, Settings
    from agenttrace.query.reader import Query
    from agenttrace.record.parameters import Ids
    from agenttrace.store.protocol import Store
    from agenttrace.verify.report import Report as Leaks

__all__ = [
    "AgentTrace",
    "configure",
    "context",
    "default",
    "doctor",
    "flush",
    "master",
    "predefined_behaviour",
    "prompt",
    "purge",
    "register_agent",
    "register_contact",
    "register_session",
    "scope",
    "shutdown",
    "span",
    "stats",
    "tool_call",
]

_DEFAULT_STORE = "sqlite:///agenttrace.db"
#: What most spans do without, loaded before one that needs it has to wait for that in the traced thread. One by one:
#: beside a thread that computes each of them takes the writer some 20 ms.
_LATE = ("record.walk", "record.capture", "record.clip", "model.secretforms", "record.patterns", "record.scrub")
_FALSE = frozenset({"", "0", "false", "no", "off"})


class AgentTrace(Makers):
    """One recorder, one journal, one store and the queries on it; the module's functions are those of a default one.

    Nothing is opened, and no thread started, before the first span or query. All methods may be called from any thread.

    Args:
        store: a URL (`sqlite:///traces.db`, `postgresql://`, `clickhouse://`, `chdb:///folder`, `memory://`), the path
            of a SQLite file, or a `Store`. Left out: `AGENTTRACE_STORE`, else `agenttrace.db` in the working directory.
        journal_dir: the folder of the journals; beside a SQLite file if left out.
        redact: True redacts secrets; a callable `(key, text) -> text` is applied to every text as well; False does not.
        max_content_bytes: what one run's content may take before its largest values are cut to previews.
        journal_max_bytes: what the journal may take on disk before records degrade.
        writer: who brings records to the store: a "thread" of this process, or another "process", one for all that
            share the journals' folder, see `agenttrace drain`. Left out: `AGENTTRACE_WRITER`, else a thread.
        exporters: OpenTelemetry span exporters; every run that ends leaves as a span, see `agenttrace.otel`.
        service_id: which service recorded a run; any text that is not a UUID becomes one. Left out: the
            `service.instance.id`, else the `service.name`, of OpenTelemetry's environment variables.
        enabled: False records nothing and opens nothing; left out: not if `AGENTTRACE_DISABLED` is set.
        flush_interval: seconds between two batches.
        query_timeout: seconds for which a query waits for this process's own records.
        exit_timeout: seconds for which the interpreter's exit waits for the writer.
        raw_prompts: False makes prompt logs unavailable, as where only their metadata may be read.
        respect_sampling: True records nothing in traces whose OpenTelemetry spans were not sampled.
        retention: an age, as `"90d"` or a timedelta: what is older is deleted for good, about once an hour, in all
            workspaces of the store. None keeps everything.
        audit_retention: True deletes the notes of the audit log by the same age; the receipts of purges stay.
        clock: nanoseconds since the epoch; for tests.
        ids: where trace and span ids come from; for tests.

    Raises:
        ConfigurationError: a setting cannot be used.

    >>> with AgentTrace(store="memory://") as trace:
    ...     with trace.master("greet", input="hello") as turn:
    ...         turn.output = "hi"
    ...     [run.status for run in trace.query.runs()]
    ['success']
    """

    _is_beginning = False  # the first span, or who else is first, has the defaults set

    def __init__(self, store: str | Path | Store | None = None, **settings: Unpack[Settings]) -> None:
        super().__init__(Recorder())
        self._query: Query | None = None
        self._pipeline: Pipeline | None = None
        self._exports: tuple[Pipeline, ...] = ()
        self._access: Access | None = None
        self._when_erased: list[weakref.ref[Callable[[], object]]] = []
        self._query_timeout, self._raw_prompts = 5.0, True
        self._place: str | None = None
        self._is_lent: bool = False  # the store is an object that somebody gave us
        self.configure(store, **settings)

    def configure(
        self,
        store: str | Path | Store | None = None,
        *,
        journal_dir: str | Path | None = None,
        redact: Redact = True,
        max_content_bytes: int = DEFAULT_MAX_CONTENT_BYTES,
        journal_max_bytes: int = 1 << 30,
        writer: Literal["thread", "process"] | None = None,
        exporters: Sequence[Any] = (),
        service_id: str | uuid.UUID | None = None,
        enabled: bool | None = None,
        flush_interval: float = 0.1,
        query_timeout: float = 5.0,
        exit_timeout: float = 5.0,
        raw_prompts: bool = True,
        respect_sampling: bool = False,
        retention: str | timedelta | None = None,
        audit_retention: bool = False,
        clock: Callable[[], int] | None = None,
        ids: Ids | None = None,
    ) -> Self:
        """Apply these settings (those that are left out have their defaults) and return the AgentTrace.

        Optional: without it the defaults hold. What was recorded before is written out first; functions that were
        decorated before follow the new settings. The arguments are those of `AgentTrace`.

        Raises:
            ConfigurationError: a setting cannot be used; the old ones stay in force.
        """
        begun = self._pipeline
        check_kinds(
            store=store,
            journal_dir=journal_dir,
            writer=writer,
            service_id=service_id,
            enabled=enabled,
            clock=clock,
            ids=ids,
        )
        times = {"flush_interval": flush_interval, "query_timeout": query_timeout, "exit_timeout": exit_timeout}
        check(
            exporters=exporters,
            redact=redact,
            sizes={"max_content_bytes": max_content_bytes, "journal_max_bytes": journal_max_bytes},
            flags={
                "raw_prompts": raw_prompts,
                "respect_sampling": respect_sampling,
                "audit_retention": audit_retention,
            },
            times=times,
        )
        flush_interval, query_timeout, exit_timeout = (seconds(name, value) for name, value in times.items())
        chosen = store if store is not None else os.environ.get("AGENTTRACE_STORE") or _DEFAULT_STORE
        on = os.environ.get("AGENTTRACE_DISABLED", "").lower() in _FALSE if enabled is None else enabled
        place = place_of(chosen)
        lent = not isinstance(chosen, str | os.PathLike)
        root = absolute(journal_dir) if journal_dir is not None else journal_root(place)
        recorder = self._recorder
        now = clock or time.time_ns
        exports, listeners = (), ()
        if exporters:
            # Imported where it is asked for.
            with LOADING:
                from agenttrace.exporting import export_pipelines, listeners_of
            exports = export_pipelines(exporters, root, recorder, clock=lambda: now() // 1000)
            listeners = listeners_of(exports)
        upkeep = None
        if retention is not None:
            # Imported where it is asked for.
            with LOADING:
                from agenttrace.writing import upkeep_by_age
            upkeep = upkeep_by_age(retention, root, audit=audit_retention, clock=lambda: now() // 1000)
        journal = JournalSettings(
            root=root,
            max_bytes=journal_max_bytes,
            flush_interval=flush_interval,
            exit_timeout=exit_timeout,
            derive=partial(_derive, recorder),
            listeners=listeners,
            renewed=self._forget,
            at_leisure=tuple(partial(load, module) for module in _LATE),
            upkeep=upkeep,
        )
        micros = None if clock is None else lambda: now() // 1000
        if writer_of(writer) == "thread":
            outside, make = None, maker(chosen, clock=micros)
        else:
            # Imported where it is asked for.
            from agenttrace.outside import drained, late_maker

            outside = drained(
                chosen,
                place,
                root,
                exporters=exporters,
                flush_interval=flush_interval,
                retention=retention,
                audit_retention=audit_retention,
            )
            make = late_maker(chosen, clock=micros)
        pipeline = Pipeline(journal, make, on_error=recorder.report, clock=lambda: now() // 1000, outside=outside)
        sampled = None
        if respect_sampling:
            # Imported where it is asked for.
            from agenttrace.record.sampling import Sampled

            sampled = Sampled(pipeline.append)
        service = service_of_environment() if service_id is None else service_id
        served = "" if service is None else service_uuid(service)
        # One thread at a time, or one's pipeline would go on under another's settings. Others record meanwhile: they do
        # not mind that each setting holds a moment later than the one before.
        with LOADING:
            if self._is_beginning and self._pipeline is not begun:
                return self  # a signal handler or a finalizer in our midst was first: what it recorded is there
            previous, self._pipeline, self._query, self._access = self._pipeline, pipeline, None, None
            self._query_timeout, self._raw_prompts = query_timeout, raw_prompts
            self._place, self._is_lent = place, lent
            recorder.enabled = recorder.enabled and on
            recorder.clock = now
            recorder.use_ids(ids or RandomIds())
            redacts = redact is not False
            recorder.redact_with(redact if callable(redact) else None, enabled=redacts, limit=max_content_bytes)
            recorder.serve(served)
            recorder.sequence = itertools.count(1)
            recorder.append = pipeline.append if sampled is None else sampled.append
            recorder.unsampled = any_trace if sampled is None else sampled.mute
            recorder.enabled = on
            before, self._exports = self._exports, exports
        _shut_down([previous, *before] if previous is not None else before, exit_timeout)
        return self

    @property
    def recorder(self) -> Recorder:
        """What integrations record with, see `agenttrace.otel`; it stays the same whatever is configured."""
        return self._recorder

    # -- reading -----------------------------------------------------------------------------------

    @property
    def query(self) -> Query:
        """The queries on this store; they see this process's own records."""
        made = self._query
        if made is not None:
            self._pipe().heed()
        else:
            # Imported at first use: reading needs pydantic, recording must not.
            from agenttrace.query.reader import Query

            pipeline, timeout = self._pipe(), self._query_timeout
            made = Query(
                pipeline.open_store_once,
                wait=self._room().settle,
                is_settled=self._room().is_settled,
                wait_for_audit=lambda: pipeline.settle(timeout),
                clock=self._recorder.now,
                raw_prompts=self._raw_prompts,
            )
            self._query = made
        return made

    # -- who may read ------------------------------------------------------------------------------

    @property
    def keys(self) -> Keys:
        """The API keys of this store: `keys.create(name=...)`, `keys.list()`, `keys.revoke(key_id)`."""
        return self._room().keys

    @property
    def audit_trail(self) -> AuditTrail:
        """Where reads over HTTP are noted; `query.audit` gives the notes back. Also where nothing else is recorded."""
        return self._room().trail

    def _room(self) -> Access:
        made = self._access
        if made is None:
            # Imported at first use: recording does without.
            from agenttrace.access.room import Access

            pipeline, timeout, recorder = self._pipe(), self._query_timeout, self._recorder
            made = self._access = Access(
                pipeline.open_store_once,
                pipeline.append,
                recorded=pipeline.count,
                settle=lambda: pipeline.settle(timeout),
                clock=recorder.now,
                attribute=recorder.attribute,
            )
        return made

    # -- what the store refused -------------------------------------------------------------------

    @property
    def letters(self) -> Letters:
        """The dead letters, records that the store refused: `letters.list()`, `get(id)`, `retry()`, `discard(ids)`."""
        # Imported at first use: recording does without.
        from agenttrace.letters import Letters

        settings = self._pipe().settings
        return Letters(self._pipe().open_store_once, settings.root, derive=settings.derive, clock=self._recorder.now)

    # -- deleting for good -------------------------------------------------------------------------

    def purge(
        self,
        *,
        before: Before | None = None,
        workspace_id: str | uuid.UUID | None = None,
        user_id: str | uuid.UUID | None = None,
        ai_contact_id: str | uuid.UUID | None = None,
        session_id: str | uuid.UUID | None = None,
        audit: bool = False,
        dry_run: bool = False,
        scrub: bool | None = None,
        progress: Callable[[int, int, dict[str, int]], None] | None = None,
        timeout: float = 60.0,
    ) -> Receipt:
        """Delete for good what matches all that is given, note it in the audit log, and return the receipt.

        `before` (an instant, or an age as a timedelta or `"90d"`) deletes the turns that began earlier; a user, AI
        contact or session deletes what carries it, with the runs of the same traces that carry none other. Without a
        `workspace_id` somebody is looked for in the default workspace, and age counts in all of them. `audit=True`
        deletes the notes of the audit log, too; else those of what a user did stay, and lose the user's id.

        The store is purged in short transactions, so recording and reading go on. Records of this process and of those
        that share its journal folder come first; `timeout` is how many seconds it waits for those of others. Then
        follow dead letters, caches, and, with `scrub` (left out: where somebody is named), the bytes that deleted rows
        leave in the store's files. `progress(done, total, counts)` is called after each step, with the rows that are
        done, how many there are, and the former by table. `dry_run=True` counts what would go, and deletes nothing.

        A purge that was interrupted is continued by the next one. Raises InvalidQuery, and StoreError where the store
        fails.
        """
        # Imported at first use: recording does without.
        from agenttrace.erasure.filters import filter_of
        from agenttrace.erasure.purger import Purger
        from agenttrace.exporting import export_roots

        now = self._recorder.now
        where = filter_of(
            before=before,
            workspace_id=workspace_id,
            user_id=user_id,
            ai_contact_id=ai_contact_id,
            session_id=session_id,
            audit=audit,
            now=now(),
        )
        pipelines = [self._pipe(), *self._exports]
        root = pipelines[0].settings.root
        purger = Purger(
            pipelines[0].open_store_once(),
            pipelines,
            [root, *export_roots(root)],
            forget=self._forget,
            clock=now,
        )
        if dry_run:
            return purger.dry_run(where, timeout=timeout)
        named = (user_id, ai_contact_id, session_id) != (None, None, None)
        return purger.run(where, timeout=timeout, scrub=named if scrub is None else scrub, progress=progress)

    def when_erased(self, listener: Callable[[], object]) -> None:
        """Call this after each purge in this process or beside it: what keeps answers forgets them.

        A bound method is kept as long as its object lives, anything else as long as somebody keeps it. It may be called
        in any thread.
        """
        made = weakref.WeakMethod(listener) if hasattr(listener, "__self__") else weakref.ref(listener)
        self._when_erased = [*(known for known in self._when_erased if known() is not None), made]

    def _forget(self) -> None:
        query = self._query
        if query is not None:
            query.forget()
        for known in self._when_erased:
            listener = known()
            if listener is not None:
                listener()

    # -- how it is ---------------------------------------------------------------------------------

    def doctor(self, *, since: timedelta | str = "24h", timeout: float = 5.0, expected: bool | None = None) -> Report:
        """Return how journals, store and this process are, and what needs attention; changes nothing.

        `since` is an age, as a timedelta or `"24h"`: gaps, abandoned runs and dead letters count that are no older.
        The store is asked for at most `timeout` seconds, and journals are read for as long again. An older store is not
        upgraded, and one that does not exist is not made; `expected` says whether it should be there by now (left out:
        it should once this process has written to it). It reads files and waits for the store, so no event loop should
        call it.

        `report.status` is 0 where all is well, 1 where something needs attention, 2 where the store cannot be used;
        each of `report.findings` says what to do. Raises InvalidQuery where an argument cannot be used.
        """
        # Imported at first use: recording does without.
        from agenttrace.erasure.filters import age
        from agenttrace.exporting import export_roots
        from agenttrace.health.examine import examine
        from agenttrace.health.report import SelfSeen

        oldest = age("since", since)
        if oldest is None:
            raise InvalidQuery("since", f"must be an age, as '24h' or a timedelta, got {since!r}")
        if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidQuery("timeout", f"must be a number of seconds above 0, got {timeout!r}")
        pipeline, stats = self._pipe(), self.stats()
        store, root, errors = pipeline.store, pipeline.settings.root, dict(self._recorder.errors)
        return examine(
            pipeline.new_store if store is None else lambda: store,
            place=self._place,
            roots=[] if root is None else [root, *export_roots(root)],
            process=SelfSeen(stats=stats, errors=errors) if stats.recorded or errors else None,
            expected=stats.written > 0 if expected is None else expected,
            # An object is somebody's own, and what is in memory is one for all.
            close=store is None and self._place is not None and not self._is_lent,
            now=self._recorder.now(),
            age=oldest,
            timeout=timeout,
        )

    def verify_redaction(self, *, canaries: Iterable[str] = (), files: bool = False) -> Leaks:
        """Return where secrets lie in the store, in its journals and in dead letters, if anywhere; changes nothing.

        Looked for is what redaction would take out, and the texts `canaries`. `report.status` is 0 where there is
        nothing, 1 where there is something, 2 where not all could be looked at; no report holds a value. It reads all
        there is, of all workspaces, so it may take long. `files=True` reads the file of a SQLite store itself, too:
        only where nothing in this process has it open, since SQLite's locks on it would go.
        """
        # Imported at first use: recording does without.
        from agenttrace.exporting import export_roots
        from agenttrace.verify.scan import scan

        pipeline = self._pipe()
        store, root = pipeline.store, pipeline.settings.root
        return scan(
            pipeline.new_store if store is None else lambda: store,
            place=self._place,
            roots=[] if root is None else [root, *export_roots(root)],
            canaries=canaries,
            files=files and store is None,
            close=store is None and self._place is not None and not self._is_lent,
        )

    # -- life --------------------------------------------------------------------------------------

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was recorded so far is in the store; return False if `timeout` seconds passed first.

        That includes what processes that died had left in their journals when this one began. Raises ConfigurationError
        where `timeout` is no number.
        """
        return self._pipe().settle(seconds("timeout", timeout))

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Flush, stop the writer and close the store; return whether everything is in the store.

        What could not be written stays in the journal, for the next process. A span that ends later starts anew.
        Exporters get the rest of the time; what they did not take stays in their journals. Raises ConfigurationError
        where `timeout` is no number.
        """
        return _shut_down([self._pipe(), *self._exports], seconds("timeout", timeout))

    def stats(self) -> Stats:
        """Return counters of this process: recorded, written, pending, degraded, dropped, retried, errors and more."""
        # All that goes wrong in the pipeline is reported to the recorder, which counts it.
        return replace(self._pipe().stats(), internal_errors=self._recorder.internal_errors)

    def __enter__(self) -> Self:
        """Return the AgentTrace; leaving the block shuts it down."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Shut down."""
        self.shutdown()

    def _pipe(self) -> Pipeline:
        if self._pipeline is None:
            with LOADING:
                around, self._is_beginning = self._is_beginning, True
                try:
                    if self._pipeline is None:  # else another thread was first
                        self.configure()
                finally:
                    self._is_beginning = around
        assert self._pipeline is not None  # noqa: S101 - for the type checker # nosec B101
        return self._pipeline


class _Default(AgentTrace):
    """The AgentTrace behind the module's functions: it reads its settings from the environment at its first use."""

    def __init__(self) -> None:
        Makers.__init__(self, Recorder())
        self._query = None
        self._pipeline = None
        self._exports = ()
        self._access = None
        self._when_erased = []
        self._query_timeout, self._raw_prompts = 5.0, True
        self._place, self._is_lent = None, False
        self._recorder.append = self._first
        self._recorder.enabled = os.environ.get("AGENTTRACE_DISABLED", "").lower() in _FALSE

    @contextmanager
    def replaced(self, settings: dict[str, Any]) -> Generator[AgentTrace]:
        """Use other settings for the length of a block, in which internal errors raise; see `testing.capture`.

        Those of the writer's thread raise when the block has ended.
        """
        recorder = self._recorder
        before = (
            *(recorder.saved(), self._pipeline, self._query),
            *(self._query_timeout, self._raw_prompts, self._exports),
        )
        place, lent = self._place, self._is_lent
        self._pipeline, self._exports = None, ()
        recorder.errors, unseen = {}, list[InternalError]()
        recorder.unseen = unseen
        try:
            self.configure(**settings)
            recorder.strict = True
            yield self
        finally:
            self.shutdown()
            recorder.restore(before[0])
            _, self._pipeline, self._query, self._query_timeout, self._raw_prompts, self._exports = before
            self._place, self._is_lent = place, lent
            self._access = None
        if unseen:
            raise unseen[0]

    def _first(self, kind: int, payload: bytes) -> None:
        pipeline, append = self._pipe(), self._recorder.append
        # While it is configured, by another thread or around us, the recorder may not have the pipeline yet.
        (pipeline.append if append == self._first else append)(kind, payload)


def _derive(recorder: Recorder, *given: Any) -> Derived | None:
    """Say what foreign spans mean. In the writer's thread: recording does without what that takes."""
    with LOADING:
        from agenttrace.writing import deriver
    return deriver(recorder.failed)(*given)


def _shut_down(pipelines: Sequence[Pipeline], timeout: float) -> bool:
    """Shut all down, one after the other within the time; return whether the first brought everything home."""
    deadline = time.monotonic() + timeout
    done = [pipeline.shutdown(max(deadline - time.monotonic(), 0.0)) for pipeline in pipelines]
    return all(done[:1])


default = _Default()
use_default(lambda: default)

configure = default.configure
master = default.master
tool_call = default.tool_call
context = default.context
prompt = default.prompt
predefined_behaviour = default.predefined_behaviour
doctor = default.doctor
purge = default.purge
span = default.span
scope = default.scope
register_contact = default.register_contact
register_session = default.register_session
register_agent = default.register_agent
flush = default.flush
shutdown = default.shutdown
stats = default.stats
