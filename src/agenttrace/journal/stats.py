"""Numbers that tell users how the pipeline is doing, made of its counters (`journal.settings`)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Stats"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Stats:
    """What became of this process's records since it started (or was forked)."""

    recorded: int  # records that the journal took
    written: int  # records that the store committed, those of adopted journals included
    pending: int  # records of this process that the store has not committed yet
    degraded: int  # records that were cut to a preview or a skeleton
    dropped: int  # records that found no room; each is part of a gap that the stored trace shows
    retried: int  # writes that were tried again
    damaged: int  # places in a journal where no whole record could be read
    adopted: int  # journals of dead processes that were drained
    skipped: int  # journal folders that could not be looked into
    dead_letters: int  # records that the store refuses, set aside: in the store, else in a file
    dead_letters_lost: int  # of these, those that could not be set aside
    internal_errors: int  # defects or surprises inside agenttrace itself
    backlog_bytes: int  # bytes in this process's journal that the store has not committed yet
    backlog_seconds: float  # the oldest record that the store has not committed yet is at most so old; 0.0: none
    heartbeats: int  # times that this process told the store that it lives
    abandoned: int  # runs that this process ended because theirs had died, or was about to
    journal_dir: str | None  # this process's journal folder; None: no record yet, or a journal in memory
    last_error: str | None
