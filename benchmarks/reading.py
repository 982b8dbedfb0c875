"""The first page of each view, beside the same document made by hand with sqlite3: as objects, and as JSON text.

Asked is the `query` of a program that records, too: whether all of that is stored is looked at each time.

As objects: our pydantic documents against dicts. As text: our document's `model_dump_json` against orjson's text of the
dicts, and run logs also by `run_logs_text`, as the endpoint has them, made anew each time. Both are asked in turn, and
before that compared: they are equal. CPU time of the asking thread, which does all of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks.figures import Goal, Table, cell, measured, median, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["goals", "measure", "pages", "tables"]

NAMES = ("ours", "ours, process")
VIEWS = ("run logs", "agent events", "action logs", "Ask AI logs", "prompt logs")


def pages(name: str, runs: int, times: int) -> dict[str, dict[str, float]]:
    """Return the medians of each view's page, in CPU µs, ours and by hand, and their ratios."""
    from agenttrace.model import ids
    from agenttrace.store.urls import open_store
    from benchmarks.byhand import ByHand, text
    from benchmarks.store import DAY, WORKSPACE, Filler, check, scope_of
    from benchmarks.store import pages as views

    day = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000_000
    now = day + 300 * DAY
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/traces.db", clock=lambda: now)
        store.open()
        Filler(store, day).fill(runs)
        check(store, runs)
        store.close()
        way = WAYS[name](Path(folder), clock=lambda: now * 1000)
        way.turn()
        way.settle()
        query = way.trace.query
        hand, group = ByHand(f"{folder}/traces.db", WORKSPACE.bytes), scope_of(0)
        session, contact = (ids.as_uuid(group[name]).bytes for name in ("session_id", "ai_contact_id"))
        talk = ids.as_uuid(group["conversation_id"]).bytes
        by_hand: dict[str, Callable[[], Any]] = {
            "run logs": lambda: hand.run_logs(contact),
            "agent events": lambda: hand.agent_events(group["agent_key"], session),
            "action logs": lambda: hand.action_logs(session),
            "Ask AI logs": lambda: hand.ask_ai_logs(day, day + DAY, now),
            "prompt logs": lambda: hand.prompt_logs(talk),
        }
        asked: dict[str, Callable[[], Any]] = views(query, day)
        found = {}
        for view, make in by_hand.items():
            same(view, asked[view](), text(make()))
            found[view] = taken(
                {
                    "ours": asked[view],
                    "hand": make,
                    "ours, text": lambda ask=asked[view]: ask().model_dump_json(by_alias=True),
                    "hand, text": lambda make=make: text(make()),
                    **({"ours, quick text": lambda: anew(query, group["ai_contact_id"])} if view == "run logs" else {}),
                },
                times,
            )
        hand.connection.close()
        way.close()
        return found


def anew(query: Any, contact: str) -> str:
    """Return the text of a page of run logs, nothing of which is remembered."""
    query.forget()
    return "".join(query.run_logs_text(ai_contact_id=contact)[1])


def same(view: str, ours: Any, hand: bytes) -> None:
    """Exit where the documents are not the same: compared is only what is equal."""
    if orjson.loads(hand) != ours.model_dump(mode="json", by_alias=True):
        sys.exit(f"{view}: made by hand it is another document\n{hand[:2000]}\n{ours.model_dump_json()[:2000]}")


def taken(acts: dict[str, Callable[[], Any]], times: int) -> dict[str, float]:
    """Return the median of each, in µs, asked in turn; and the medians of the ratios of neighbours."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(times + 5):
        for name, act in acts.items():
            started = time.thread_time()
            act()
            if number >= 5:  # the first ones warm up
                found[name].append((time.thread_time() - started) * 1e6)
    ratios = {
        f"ratio{form}": median(
            ours / hand for ours, hand in zip(found[f"ours{form}"], found[f"hand{form}"], strict=True)
        )
        for form in ("", ", text")
    }
    if "ours, quick text" in found:
        pairs = zip(found["ours, quick text"], found["hand, text"], strict=True)
        ratios["ratio, quick text"] = median(ours / hand for ours, hand in pairs)
    return {name: median(each) for name, each in found.items()} | ratios


def measure(*, quick: bool) -> dict[str, Any]:
    """Return each view's figures, round by round."""
    runs, times, count = (1_000, 20, 1) if quick else (10_000, 200, 3)
    return {
        "runs": runs,
        "rounds": rounds(count, NAMES, lambda name: measured("reading", "pages", name=name, runs=runs, times=times)),
    }


COLUMNS = {"ours": 0, "hand": 0, "ratio": 2, "ours, text": 0, "hand, text": 0, "ratio, text": 2}


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    rows: list[list[str]] = []
    for name in NAMES:
        each = [one[name] for one in found["rounds"]]
        rows += [said(name, SAID, each[-1])] if "skipped" in each[-1] else _rows(name, each)
    heads = ["", "ours, CPU µs", "by hand", "ratio", "ours as JSON text", "by hand", "ratio"]
    note = f"First pages in a store of {found['runs']:,} runs; CPU time; documents are equal on both sides."
    return [Table("Reading", heads, rows, note)]


def _rows(name: str, each: list[dict[str, Any]]) -> list[list[str]]:
    rows = [
        [f"{SAID[name]}: {view}", *(cell([one[view][key] for one in each], digits) for key, digits in COLUMNS.items())]
        for view in VIEWS
    ]
    quick = {"ours, quick text": 0, "hand, text": 0, "ratio, quick text": 2}
    cells = (cell([one["run logs"][key] for one in each], digits) for key, digits in quick.items())
    return [*rows, [f"{SAID[name]}: run logs, `run_logs_text`", "", "", "", *cells]]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    each = [one["ours"] for one in found["rounds"]]
    return [
        Goal(f"first page of {view}, to one made by hand", [one[view]["ratio"] for one in each], 2) for view in VIEWS
    ]
