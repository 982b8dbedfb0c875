"""Conversations whose prompts share most of what they hold, for the tests of links."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.store.protocol import LINK_AGE, RunFilter
from agenttrace.testing.records import Record, batch_of, run_record

if TYPE_CHECKING:
    from agenttrace.store.batch import Batch
    from agenttrace.store.sql import SQLStore

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
OTHER = "22222222-2222-4222-8222-222222222222"
SYSTEM = "You help people with their widgets. " * 60
WORDS = "Open the settings, choose the network tab and enter the name of your router there. " * 4


def message(number: int, who: str = "c") -> dict[str, Any]:
    """Return one message of a conversation."""
    return {"role": ("user", "assistant")[number % 2], "content": f"{who} {number}: {WORDS}"[:300]}


def prompt_content(turn: int, who: str = "c", **more: Any) -> dict[str, Any]:
    """Return the content of the prompt of a turn, the first being 0."""
    return {
        "prompt_type": "engage_user",
        "turn_index": turn,
        "system_prompt": SYSTEM,
        "history": [message(number, who) for number in range(2 * turn + 1)],
        "llm_model": "m",
        "llm_response": f"Answer {turn}. {WORDS}"[:300],
        "usage": {"input_tokens": 10 * turn, "output_tokens": 3},
        **more,
    }


def prompt(span: int, content: dict[str, Any], **more: Any) -> Record:
    """Return the end of a prompt's run."""
    return run_record(span, run_type="prompt", start=1_000_000 + span, end=2_000_000 + span, content=content, **more)


def conversation(turns: int, who: str = "c", first: int = 1, **more: Any) -> Batch:
    """Return a batch of the prompts of a conversation."""
    return batch_of(*(prompt(first + turn, prompt_content(turn, who), **more) for turn in range(turns)))


def contents(store: SQLStore, workspace: bytes = WORKSPACE) -> dict[bytes, str | None]:
    """Return the content of each run."""
    return {run.id: run.content for run in store.runs(RunFilter(workspace_id=workspace))}


def written(*batches: Batch) -> dict[bytes, str | None]:
    """Return the content of each run that batches bring."""
    return {run.id: run.content for batch in batches for run in batch.runs.values()}


def path_of(store: SQLStore) -> str:
    """Return the file of a SQLite store."""
    return store.url.removeprefix("sqlite:///")


def table(store: SQLStore, sql: str, *values: Any) -> list[Any]:
    """Return what a statement of one's own finds, or changes, in the file."""
    with closing(sqlite3.connect(path_of(store), isolation_level=None)) as other:
        return other.execute(sql, values).fetchall()


def collect_all(store: SQLStore, workspace: bytes | None = None, older_than: int = LINK_AGE, limit: int = 1000) -> int:
    """Run a whole pass, and return how many links went."""
    count, after = 0, b""
    while True:
        step = store.collect(workspace_id=workspace, older_than=older_than, after=after, limit=limit)
        count += step.links
        if step.after is None:
            return count
        after = step.after
