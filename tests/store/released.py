"""What a released version left on disk: recorded with that version, kept in tests/data/schemas, upgraded in the tests.

    python -m tests.store.released          writes the fixtures of the version that the library has now
    python -m tests.store.released FOLDER   writes them elsewhere

`sqlite-N.sql` is a SQLite file of version N as statements, `sqlite-N.json` what the library answered from it then;
`postgresql-N.sql` and `.json` are the same of a PostgreSQL schema, for which a server is started.
Run it before a version is released, and never afterwards: a released version does not change any more.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenttrace import AgentTrace
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.letters import dead_letter
from agenttrace.model.wire import RUN
from agenttrace.otel import otlp
from agenttrace.otel.receive import Receiver
from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter, Store
from agenttrace.store.urls import open_store
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing import CountedIds, FixedClock
from agenttrace.testing.records import PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).resolve().parents[1] / "data" / "schemas"

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AFTER = datetime(2026, 1, 16, tzinfo=UTC)
HOME = str(DEFAULT_WORKSPACE)
ABROAD = "22222222-2222-4222-8222-222222222222"
CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
SESSION = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
CLOSED = "b63ab83d-2bb8-42ab-8374-23b8e1e276e3"
TALK = "c0ffee00-0000-4000-8000-000000000000"
FOREIGN_TRACE = "019bc1f4a80000000000000000000abc"
SYSTEM = "You help people whose widgets do not turn on. Be kind. " * 4
TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output", "log")


def record(url: str, journal: Path) -> list[str]:
    """Record a bit of everything in two workspaces; return the texts of the API keys that were made."""
    clock = FixedClock(NOW)
    trace = AgentTrace(store=url, journal_dir=journal, clock=clock, ids=CountedIds(), service_id="fixture")
    with trace:
        for workspace in (HOME, ABROAD):
            _record(trace, clock, workspace)
        keys = [
            trace.keys.create(name=name, user_id="ann", team_ids=["blue"], scopes=("read", "manage"))
            for name in ("good", "revoked")
        ]
        trace.keys.revoke(keys[1].id)
        trace.audit_trail.note(
            "prompt_logs.queried", workspace_id=HOME, user_id="ann", filters={"call_sid": "CA1"}, rows=3, status=200
        )
        assert trace.flush(30)
        trace.query.reset_session(team_id="red", user_id="bob")
    _set_aside(url)
    return [key.key for key in keys]


def _record(trace: AgentTrace, clock: FixedClock, workspace: str) -> None:
    about = {"interaction_type": "free_form", "widget_id": "w1", "placement_id": "p1", "deployment_type": "live"}
    scope: dict[str, Any] = {"workspace_id": workspace, "agent_key": "support", "ai_contact_id": CONTACT}
    trace.register_agent("support", "Support", workspace_id=workspace)
    history: list[dict[str, Any]] = []
    with trace.scope(
        **scope,
        session_id=SESSION,
        conversation_id=TALK,
        call_sid="CA1",
        user_id="ann",
        team_id="blue",
        attributes=about,
    ):
        for number in range(4):
            _turn(trace, clock, number, history)
        with trace.predefined_behaviour("greet", trigger="open", input="hi") as greeting:
            greeting.output = "hello"
    with trace.scope(**scope, session_id=CLOSED, user_id="bob", team_id="red"):
        _turn(trace, clock, 9, [])
    with (
        trace.scope(workspace_id=workspace),
        trace.span("checkout", "pay", input={"b": 1, "a": [None, True, 0.5]}) as pay,
    ):
        pay.set("basket", "x")
        pay.pending()
    receiver = Receiver(trace)
    receiver.take(otlp.read(json.dumps(_foreign()).encode(), otlp.JSON), workspace)
    receiver.take(otlp.read(json.dumps(_foreign_log()).encode(), otlp.JSON, logs=True), workspace)
    assert trace.flush(30)


def _set_aside(url: str) -> None:
    """Let the store have refused a record, which is no text."""
    at = int(NOW.timestamp()) * 1_000_000 + 5
    store = open_store(url)
    store.open()
    store.set_aside([dead_letter(RUN, bytes(range(256)), "ValueError: no RUN record", process_id=PROCESS, now=at)])
    store.close()


def _turn(trace: AgentTrace, clock: FixedClock, number: int, history: list[dict[str, Any]]) -> None:
    question = f"Turn {number}: my widget — Größe 7 \x00 \ud800 — does not turn on"
    with trace.master("answer", input=question) as turn:
        clock.advance(0.25)
        turn.thinking("hm")
        with trace.tool_call("search_kb", input={"query": question, "z": 1, "a": 2}) as call:
            clock.advance(0.5)
            call.output = {"found": [number]}
        with trace.context("retrieve", query=question) as found:
            found.documents = [{"text": "Hold the button.", "score": 0.5}]
        history.append({"role": "user", "content": question})
        with trace.prompt(
            "engage_user",
            model="gpt-5",
            system_prompt=SYSTEM,
            history=[dict(message) for message in history],
            tools=["search_kb", "escalate"],
            turn_index=number,
            state_name="help",
        ) as prompt:
            clock.advance(1)
            prompt.response = "Hold the button."
            prompt.usage(input_tokens=812, output_tokens=95)
        history.append({"role": "assistant", "content": "Hold the button."})
        if number == 3:
            turn.end(error=ValueError("no such widget"))
        else:
            turn.output = "Hold the button."


def _foreign() -> dict[str, Any]:
    start = int(NOW.timestamp()) * 1_000_000_000
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Is it on?"}]}]',
        "gen_ai.conversation.id": "far away",
    }
    spans = [
        {
            "traceId": FOREIGN_TRACE,
            "spanId": f"{number:016x}",
            "parentSpanId": f"{number - 1:016x}" if number > 1 else "",
            "name": name,
            "startTimeUnixNano": str(start + number),
            "endTimeUnixNano": str(start + 5_000_000_000 - number),
            "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        }
        for number, name in ((1, "chat gpt-5"), (2, "POST"))
    ]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "fixture"}, "spans": spans}]}]}


def _foreign_log() -> dict[str, Any]:
    log = {
        "traceId": FOREIGN_TRACE,
        "spanId": f"{1:016x}",
        "timeUnixNano": str(int(NOW.timestamp()) * 1_000_000_000 + 7_000),
        "eventName": "gen_ai.user.message",
        "body": {"stringValue": "Is it on?"},
    }
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "fixture"}, "logRecords": [log]}]}]}


def answers(url: str, journal: Path, keys: list[str]) -> dict[str, Any]:
    """Return everything that the library tells of such a store, as JSON."""
    store = open_store(url)
    store.open()
    try:
        told: dict[str, Any] = {
            f"{name} {workspace}": [_plain(row) for row in rows]
            for workspace in (HOME, ABROAD)
            for name, rows in _rows(store, workspace).items()
        }
        told["dead letters"] = [_plain(row) for row in store.dead_letters()]
    finally:
        store.close()
    clock = FixedClock(AFTER)
    with AgentTrace(store=url, journal_dir=journal, clock=clock) as trace:
        for workspace in (HOME, ABROAD):
            told |= {f"{name} {workspace}": page for name, page in _views(trace, workspace).items()}
        told["keys"] = [None if found is None else found.name for found in map(trace.keys.check, keys)]
    return json.loads(json.dumps(told, default=str))


def _rows(store: Store, workspace: str) -> dict[str, list[Any]]:
    home = bytes.fromhex(workspace.replace("-", ""))
    session, contact = (bytes.fromhex(text.replace("-", "")) for text in (SESSION, CONTACT))
    runs = store.runs(RunFilter(workspace_id=home))
    return {
        "runs": runs,
        "roots": [row.id for row in store.runs(RunFilter(workspace_id=home, roots_only=True))],
        "calls": [row.id for row in store.runs(RunFilter(workspace_id=home, call_sid="CA1", run_type="prompt"))],
        "figures": list(map(list, store.run_figures(RunFilter(workspace_id=home)))),
        "traces": [row.id for row in store.traces(home, sorted({row.trace_id for row in runs}))],
        "trees": sorted(map(list, store.tree_rows(home, sorted({row.id for row in runs})))),
        "events": store.events(EventFilter(workspace_id=home, session_id=session, types=TYPES)),
        "sessions": store.sessions(SessionFilter(workspace_id=home)),
        "agents": store.agents(home, ["agt_support"]),
        "contacts": [store.has_contact(home, contact)],
        "conversations": [store.conversation(home, bytes.fromhex(TALK.replace("-", "")))],
        "spans": store.spans(home, bytes.fromhex(FOREIGN_TRACE)),
        "logs": store.logs(home, bytes.fromhex(FOREIGN_TRACE)),
        "audit": store.audit(AuditFilter(workspace_id=home)),
        "api keys": store.keys(home),
    }


def _plain(row: Any) -> Any:
    value = asdict(row) if hasattr(row, "__dataclass_fields__") else row
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def _views(trace: AgentTrace, workspace: str) -> dict[str, Any]:
    query = trace.query
    pages = {
        "run_logs": query.run_logs(ai_contact_id=CONTACT, workspace_id=workspace, page_size=100),
        "agent_events": query.agent_events("agt_support", SESSION, workspace_id=workspace, limit=100),
        "action_logs": query.action_logs(session_id=SESSION, workspace_id=workspace),
        "closed_action_logs": query.action_logs(session_id=CLOSED, workspace_id=workspace),
        "ask_ai_logs": query.ask_ai_logs(workspace_id=workspace, start_date="2026-01-01", end_date="2026-02-01"),
        "prompt_logs": query.prompt_logs(workspace, conversation_id=TALK, limit=100),
        "call_prompt_logs": query.prompt_logs(workspace, call_sid="CA1", limit=100),
    }
    return {name: page.model_dump(mode="json", by_alias=True) for name, page in pages.items()}


def known(found: Any, expected: Any) -> Any:
    """Return what was found, without the members that were not known then."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {name: known(value, expected[name]) for name, value in found.items() if name in expected}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return list(map(known, found, expected))
    return found


def dump(path: Path) -> str:
    """Return a SQLite file as statements, its version included."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return "\n".join([*connection.iterdump(), f"PRAGMA user_version = {version};", ""])


def restore(statements: Path, path: Path) -> None:
    """Make a SQLite file of such statements."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements.read_text(encoding="utf-8"))


def main(folder: Path) -> None:
    """Write the fixtures of the version that the library has."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "released.db"
        _write(folder, "sqlite", f"sqlite:///{path}", Path(place), lambda: dump(path))
    if SCHEMA_VERSION > 1:
        _main_postgresql(folder)


def _main_postgresql(folder: Path) -> None:
    from tests.postgres import pg_released
    from tests.postgres.postgres_server import Cluster, find_programs

    programs = find_programs()
    assert programs is not None, "there is no PostgreSQL on this machine"
    cluster = Cluster(programs)
    try:
        cluster.start()
        with tempfile.TemporaryDirectory() as place:
            _write(folder, "postgresql", cluster.url, Path(place), lambda: pg_released.dump(cluster.url))
    finally:
        cluster.remove()


def _write(folder: Path, kind: str, url: str, place: Path, dumped: Callable[[], str]) -> None:
    keys = record(url, place / "journal")
    (folder / f"{kind}-{SCHEMA_VERSION}.sql").write_text(dumped(), encoding="utf-8")
    # Afterwards: asking whether a key is good counts as its use.
    told = {"given keys": keys, **answers(url, place / "journal", keys)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in told.items())
    (folder / f"{kind}-{SCHEMA_VERSION}.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
