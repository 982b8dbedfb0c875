"""What a store owes, promise by promise: an id and one sentence each. The tests of `testing.suite` name these ids."""

from __future__ import annotations

__all__ = ["PROMISES"]

PROMISES: dict[str, str] = {
    # -- the store as an object --------------------------------------------------------------------
    "store.protocol": "It has every method of the protocol, and a `url` with a scheme.",
    "store.reopen": "`open` and `close` may be called twice; what was written before a close is there after the "
    "next `open`.",
    "store.closed": "A closed store raises StoreUnavailable until it is opened again.",
    "store.clock": "`now` is the clock that the store was given, in microseconds.",
    "store.state": "`state` never equals an earlier one once a run, an event or an entity was changed, or is None.",
    "store.copies": "A row that was returned is the caller's: changing it changes nothing in the store.",
    "store.threads": "Several threads write and read at once; nothing is lost.",
    "store.processes": "Where the store allows several processes, they write and read at once: nothing is lost, no "
    "call fails, each sees what the others wrote.",
    "store.killed": "Where the store allows several processes, one that is killed leaves whole batches, and nobody "
    "waits for it.",
    "store.tenants": "No call returns or changes a row of another workspace, the same ids or not.",
    # -- write -------------------------------------------------------------------------------------
    "write.columns": "Every field of every row comes back as it was written.",
    "write.values": "Every text and every JSON value comes back to the letter: NUL, lone surrogates, NaN, unicode "
    "forms, empty texts, key order.",
    "write.sizes": "Content of 10 MB, names of 100,000 characters, lists of thousands of ids and trees 5,000 deep "
    "are stored and found.",
    "write.instants": "Instants from the epoch to the last microsecond of the year 9999 come back exactly.",
    "write.replay": "A batch that is written again, whole, in parts or in another order, changes nothing.",
    "write.rejects": "A batch with a row that never fits is StoreRejected, and nothing of it is kept; the store "
    "goes on.",
    "write.rollback": "A write that fails in the middle changes nothing that a reader sees.",
    "write.atomic": "A write that failed in the middle, at whatever statement, and is repeated, leaves what one "
    "write leaves.",
    "write.whole": "While a batch is being written, a reader sees all of its runs or none.",
    # -- merge -------------------------------------------------------------------------------------
    "merge.order": "Of the versions of a run the greatest stays, whatever the order they arrive in.",
    "merge.ids": "An id that one version of a run knows is kept; of two values the greater version's stays.",
    "merge.events": "The events that a run's start and end imply are those of its present version.",
    "merge.abandon": "`abandon` ends the running runs of a dead process as failed, and no others; a real end or a "
    "proof of life wins over it, whichever came first.",
    # -- trees -------------------------------------------------------------------------------------
    "trees.roots": "A run whose parent is stored is no root, whichever came first; one whose parent is not, is.",
    "trees.loops": "Of runs that are each other's parents the one with the least id is a root, in whatever order "
    "they come.",
    "trees.spread": "An id that becomes known inside a root is set on the root, and on its runs that have none.",
    "trees.rows": "`tree_rows` returns what trees show of all runs of the same traces, each run once.",
    "trees.stamps": "The stamp of a tree differs once a run of its trace does.",
    "trees.traces": "`traces` returns whole traces, oldest first, told apart by the whole trace id.",
    # -- views of runs -----------------------------------------------------------------------------
    "runs.filters": "Each field of RunFilter holds, alone and with others, for runs, their ids, figures and count.",
    "runs.order": "Runs come by `start_time` descending, then by `id` ascending.",
    "runs.pages": "`limit` and `offset` cut the order into pages.",
    "runs.after": "`after` goes on behind a place in the order, whether or not a run stands there.",
    "runs.pagination": "Paged by `after` beside writers, no run shows twice, and none that was there before is missed.",
    "runs.counts": "Counts are of all that match: `limit`, `offset` and `after` do not count.",
    "runs.workspaces": "`workspaces` returns the ids of the workspaces that have runs, each once, ascending.",
    "runs.figures": "`run_figures` returns times, owner, usage and cost of runs, the latter two of prompts only.",
    # -- events ------------------------------------------------------------------------------------
    "events.implied": "A master's start and end show as messages, a tool call's as its input and output; others do "
    "not.",
    "events.session": "An event without a session has its run's, as soon as both are stored.",
    "events.filters": "Each field of EventFilter holds, alone and with others, for events and their count.",
    "events.order": "Events come by id, ascending or descending, and `after` goes on in either direction.",
    # -- entities ----------------------------------------------------------------------------------
    "entities.grow": "A session or conversation keeps what it knows, and learns what it does not.",
    "entities.sessions": "Each field of SessionFilter holds, alone and with others; newest first, then by id, in "
    "pages.",
    "entities.exist": "Agents, contacts and conversations exist once a record names or registers them.",
    "entities.names": "An agent has the name that was registered last, whatever order registrations arrive in.",
    # -- reset -------------------------------------------------------------------------------------
    "reset.clears": "A reset hides what a session shows, forgets its last message, sets `reset_at` to the store's "
    "clock, and keeps the runs.",
    "reset.owner": "It reaches all sessions of the workspace, team and user, and no others.",
    "reset.late": "Records of a turn that began at or before the reset add nothing that a view shows.",
    "reset.moves": "A later reset clears what came since; `reset_at` never goes back.",
    # -- spans of other libraries ------------------------------------------------------------------
    "foreign.raw": "Foreign spans and logs are kept as they were received: of a span its greatest version, a log once.",
    "foreign.derived": "What a batch's `derive` makes of a trace is stored whenever a batch touches it, and what it "
    "no longer makes is gone.",
    "foreign.order": "The order, split and repetition of records make no difference to what is derived.",
    "foreign.fullest": "Of ends of one span that differ the fullest counts, with the ids that any version has.",
    "foreign.ours": "No run of our own is replaced by a derived one.",
    "foreign.abandon": "Open spans of a dead process are abandoned like runs.",
    # -- the audit log and API keys ----------------------------------------------------------------
    "audit.once": "A note is kept once, and nothing that is written changes it.",
    "audit.filters": "Each field of AuditFilter holds, alone and with others.",
    "audit.order": "Notes come newest first, by id, in pages.",
    "keys.unique": "An id of a key is taken once, over all workspaces.",
    "keys.listed": "A workspace lists its keys, newest first, then by id.",
    "keys.revoked": "A key is revoked once, by its own workspace.",
    "keys.used": "The last use of a key only moves on.",
    # -- processes that record -----------------------------------------------------------------------
    "beats.latest": "The heartbeat of a process that was written last is there until it is abandoned or takes it back.",
    "beats.revive": "`revive` opens the abandoned runs of a process again, and no others.",
    # -- dead letters --------------------------------------------------------------------------------
    "letters.once": "A dead letter is kept once, with time and error as they were given last.",
    "letters.whole": "A dead letter comes back byte for byte, whatever it holds and however long it is; what was "
    "recorded is not touched.",
    "letters.order": "Dead letters come oldest first, then by id, in pages, or those that are named.",
    "letters.discarded": "Those that are discarded go, and no others.",
    "letters.figures": "Counts, sizes and the newest one's error are those of the dead letters that are there.",
    # -- prompts that share what they say ----------------------------------------------------------
    "links.whole": "The content of a prompt comes back to the letter, however much of it other prompts share.",
    "links.tenants": "Equal prompts of two workspaces have nothing to do with each other.",
    "links.collect": "`collect` never deletes what a run needs, and what it deleted can be written again.",
    # -- purge -------------------------------------------------------------------------------------
    "purge.exact": "What a PurgeFilter means goes from every table, and nothing else does.",
    "purge.dry_run": "`purge_counts` tells what `purge` deletes, and changes nothing.",
    "purge.bounded": "A step deletes about `limit` rows of a table; steps of any size delete the same.",
    "purge.orphans": "After a purge a run whose parent went is a root, and no event shows whose run went.",
    "purge.tenants": "A purge of one workspace changes nothing in another.",
    "purge.digest": "The digest of a purge is that of the keys of the rows that went, whatever their order.",
    "purge.scrub": "Once `scrub` returned True no file of the store holds what was purged.",
}
