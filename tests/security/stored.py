"""What every store that shows its rows owes: all rows, of all tables, whatever they hold, open or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agenttrace import AgentTrace
from agenttrace.model.letters import dead_letter
from agenttrace.store.protocol import Inspectable, Store

TOKEN = "ghp_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"


def check_stored_rows(make: Callable[[], Store], folder: Path) -> None:
    """Fill a store, with more rows than a page has, and read it back; then verify it, with a secret in it."""
    with AgentTrace(store=make(), journal_dir=folder / "first", redact=False) as trace:
        for number in range(230):
            with (
                trace.scope(session_id=f"session {number}", ai_contact_id="c"),
                trace.master("turn", input="\x00\ud800x"),
            ):
                pass
        with trace.scope(session_id="last"), trace.prompt("ask", history=[{"role": "user", "content": TOKEN}]) as last:
            last.thinking(TOKEN)
        assert trace.flush(60)
        trace.keys.create(name="k")
    store = make()
    store.open()
    store.set_aside([dead_letter(1, TOKEN.encode(), "no", process_id=bytes(16), now=5)])
    store.close()
    assert isinstance(store, Inspectable)
    rows = list(store.stored_rows())
    of_runs = [row for row in rows if row.table == "run"]
    assert len({row.key for row in of_runs}) == len(of_runs) == 231
    assert {row.values["name"] for row in of_runs} == {"turn", "ask"}
    sessions = [row.values["key"] for row in rows if row.table == "session"]
    assert len(sessions) == len(set(sessions)) == 231
    counted = AgentTrace(store=make(), journal_dir=folder / "second").verify_redaction()
    assert (counted.rows, counted.problems, counted.status) == (len(rows), (), 1)
    found = {(leak.where, leak.column) for leak in counted.leaks}
    assert {("event", "data"), ("dead_letter", "payload")} <= found
    assert found & {("run", "content"), ("link", "data")}
    assert {leak.kind for leak in counted.leaks} == {"github_token"}
