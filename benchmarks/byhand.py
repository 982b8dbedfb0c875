"""The five views' first pages as one writes them by hand: sqlite3, a few statements, dicts. Each equals our document.

Our rules for what a text or a message is (`agenttrace.model.content`) are shared, so that the documents are the same;
no pydantic, no store, no checking of arguments.
"""

from __future__ import annotations

import base64
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from agenttrace.model.content import CONTENT_KEYS, messages_of, text_of

__all__ = ["ByHand"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMED_BY = {"tool_call": "tool_name", "prompt": "prompt_type", "predefined_behaviour": "behaviour"}
TYPES = "('input_message', 'thinking', 'tool_input', 'tool_output', 'agent_output')"
CONTACT = "workspace_id = ? AND ai_contact_id = ? AND is_root"
ASK_AI = (
    "run_type = 'master' AND start_time >= ? AND start_time < ? "
    "AND interaction_type IN ('free_form', 'automated_followup', 'search')"
)
SESSION = f"workspace_id = ? AND session_id = ? AND NOT hidden AND type IN {TYPES}"
CHAINS = """WITH RECURSIVE chain (hash, previous) AS (
    SELECT hash, previous FROM link WHERE workspace_id = ? AND hash IN ({marks})
    UNION
    SELECT above.hash, above.previous FROM chain JOIN link AS above
    ON above.workspace_id = ? AND above.hash = chain.previous
) SELECT link.hash, link.kind, link.previous, link.data FROM chain JOIN link
ON link.workspace_id = ? AND link.hash = chain.hash"""


def at(time: int | None) -> datetime | None:
    """Return the datetime of microseconds since the epoch."""
    return None if time is None else EPOCH + timedelta(microseconds=time)


def key(value: bytes | None) -> str | None:
    """Return the text of a UUID."""
    return None if value is None else str(uuid.UUID(bytes=value))


def text(document: Any) -> bytes:
    """Return a document as JSON."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


class ByHand:
    """Asks one SQLite file."""

    def __init__(self, path: str, workspace: bytes) -> None:
        self.connection = sqlite3.connect(path)
        self.connection.execute("PRAGMA mmap_size = 268435456")
        self.workspace = workspace

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return a statement's rows."""
        return self.connection.execute(sql, values).fetchall()

    def run_logs(self, contact: bytes) -> dict[str, Any]:
        """Return the first 20 trees of a contact, newest first."""
        ((total,),) = self.rows(f"SELECT count(*) FROM run WHERE {CONTACT}", self.workspace, contact)
        page = f"SELECT id, trace_id FROM run WHERE {CONTACT} ORDER BY start_time DESC, id LIMIT 20"
        tops = self.rows(page, self.workspace, contact)
        wanted: list[bytes] = []
        for top, trace in tops:  # a run's id begins with 58 bits of its trace's
            wanted += [top[:7] + bytes([top[7] & 0xFC]) + bytes(8), top[:7] + bytes([top[7] | 3]) + b"\xff" * 8, trace]
        found = self.rows(
            f"WITH wanted (low, high, trace) AS (VALUES {', '.join(['(?, ?, ?)'] * len(tops))}) "
            "SELECT id, parent_id, run_type, name, status, content, error, start_time, end_time, ai_contact_id, "
            "history_link, context_link FROM wanted CROSS JOIN run "
            "WHERE workspace_id = ? AND id BETWEEN low AND high AND trace_id = trace ORDER BY start_time",
            *wanted,
            self.workspace,
        )
        contents = self.contents([(row[2], row[3], row[5], *row[10:]) for row in found])
        logs: dict[bytes, dict[str, Any]] = {}
        for row, content in zip(found, contents, strict=True):
            logs[row[0]] = {
                "id": key(row[0]),
                "run_type": row[2],
                "status": row[4],
                "content": content,
                "error": None if row[6] is None else orjson.loads(row[6]),
                "start_time": at(row[7]),
                "end_time": at(row[8]),
                "ai_contact_id": key(row[9] or contact),
                "parentId": key(row[1]),
                "children": [],
            }
        for row in found:
            above = logs.get(row[1])
            if above is not None:
                above["children"].append(logs[row[0]])
        return {"page": 1, "page_size": 20, "total": total, "run_logs": [logs[top] for top, _ in tops]}

    def agent_events(self, agent: str, session: bytes) -> dict[str, Any]:
        """Return the first 20 events of a session."""
        ((name, _),) = self.rows(
            'SELECT session."key", session_agent.agent_key FROM session JOIN session_agent '
            "ON session_agent.workspace_id = session.workspace_id AND session_id = id "
            "WHERE session.workspace_id = ? AND id = ? AND session_agent.agent_key = ?",
            self.workspace,
            session,
            agent,
        )
        ((total,),) = self.rows(f"SELECT count(*) FROM event WHERE {SESSION}", self.workspace, session)
        found = self.rows(
            f"SELECT event.id, type, event.created_at, event.run_id, event.data, run.name, run.content FROM ("
            f"SELECT * FROM event WHERE {SESSION} ORDER BY id LIMIT 21) AS event LEFT JOIN run "
            "ON run.workspace_id = ? AND run.id = event.run_id ORDER BY event.id",
            self.workspace,
            session,
            self.workspace,
        )
        shown = found[:20]
        more = base64.b64encode(orjson.dumps({"event_id": shown[-1][0]})).decode() if len(found) > 20 else None
        return {
            "events": [self.event(name, *row) for row in shown],
            "metadata": {"page_key": more, "total_count": total},
        }

    def event(
        self, session: str, event: str, kind: str, time: int, run: bytes, data: str | None, name: str, content: str
    ) -> dict[str, Any]:
        """Return one event."""
        said = orjson.loads(data if data is not None else content)
        document: dict[str, Any] = {"id": event, "session_key": session, "type": kind}
        if kind == "input_message":
            document["messages"] = messages_of(said.get("messages") or said.get("input"))
        elif kind in ("thinking", "agent_output"):
            document["content"] = text_of(said.get("content") or said.get("output")) or ""
        else:
            document["tool_call_id"] = said.get("tool_call_id") or f"call_{span_of(run):016x}"
            document["tool_configuration"] = said.get("tool_configuration")
            document["tool_name"] = said.get("tool_name") or name
            document[kind] = said.get("input" if kind == "tool_input" else "output")
        return document | {"created_at": at(time)}

    def action_logs(self, session: bytes) -> dict[str, Any]:
        """Return the latest 50 tool calls of a session."""
        self.rows("SELECT 1 FROM session WHERE workspace_id = ? AND id = ?", self.workspace, session)
        found = self.rows(
            "SELECT run.id, run.name, run.status, run.content, event.created_at FROM ("
            "SELECT run_id, id, created_at FROM event WHERE workspace_id = ? AND session_id = ? AND NOT hidden "
            "AND type = 'tool_output' ORDER BY id DESC LIMIT 50) AS event JOIN run "
            "ON run.workspace_id = ? AND run.id = event.run_id ORDER BY event.id DESC",
            self.workspace,
            session,
            self.workspace,
        )
        return {"sessionId": key(session), "count": len(found), "logs": [self.action(*row) for row in found]}

    def action(self, run: bytes, name: str, status: str, content: str, time: int) -> dict[str, Any]:
        """Return one tool call."""
        said = orjson.loads(content)
        payload = said.get("payload")
        if payload is None:
            payload = {}
            for side in ("input", "output"):
                value = said.get(side)
                payload |= value if isinstance(value, dict) else {} if value is None else {side: value}
        return {
            "id": key(run),
            "type": said.get("tool_name") or name,
            "success": status == "success",
            "createdAt": (EPOCH + timedelta(microseconds=time)).isoformat(timespec="milliseconds")[:-6] + "Z",
            "payload": payload,
        }

    def ask_ai_logs(self, since: int, until: int, now: int) -> dict[str, Any]:
        """Return the first 50 questions and answers of a window."""
        ((count,),) = self.rows(
            f"SELECT count(*) FROM run WHERE workspace_id = ? AND {ASK_AI}", self.workspace, since, until
        )
        found = self.rows(
            "SELECT start_time, widget_id, placement_id, deployment_type, agent_key, attributes, interaction_type, "
            "content, agent.name FROM run LEFT JOIN agent "
            'ON agent.workspace_id = run.workspace_id AND agent."key" = agent_key '
            f"WHERE run.workspace_id = ? AND {ASK_AI} ORDER BY start_time DESC, id LIMIT 50",
            self.workspace,
            since,
            until,
        )
        return {
            "data": [self.question(*row) for row in found],
            "total_pages": -(-count // 50),
            "count": count,
            "meta": {"timezone": "UTC", "generated_at": at(now)},
        }

    def question(
        self,
        time: int,
        widget: Any,
        place: Any,
        kind: Any,
        agent: Any,
        more: str,
        interaction: str,
        content: str,
        name: Any,
    ) -> dict[str, Any]:
        """Return one question and its answer."""
        attributes, said = orjson.loads(more or "{}"), orjson.loads(content)
        return {
            "timestamp": at(time),
            "widget_id": widget,
            "placement_id": place,
            "deployment_type": kind,
            "ai_agent": name or attributes.get("agent_name") or agent,
            "referring_url": attributes.get("referring_url"),
            "interaction_type": interaction,
            "prompt": text_of(said.get("input"), "input"),
            "response": text_of(said.get("output")),
        }

    def prompt_logs(self, conversation: bytes) -> dict[str, Any]:
        """Return the latest 20 prompts of a conversation."""
        ((call, session),) = self.rows(
            "SELECT call_sid, session_id FROM conversation WHERE workspace_id = ? AND id = ?",
            self.workspace,
            conversation,
        )
        found = self.rows(
            "SELECT run_type, name, content, history_link, context_link, id, call_sid, start_time, ingested_at, "
            "source, source_system, prompt_type, state_name, service_id, session_id, attributes FROM run "
            "WHERE workspace_id = ? AND conversation_id = ? AND run_type = 'prompt' "
            "ORDER BY start_time DESC, id LIMIT 21",
            self.workspace,
            conversation,
        )
        contents = self.contents([row[:5] for row in found[:20]])
        more = len(found) > 20
        return {
            "items": [self.prompt(content, *row[5:]) for row, content in zip(found[:20], contents, strict=True)],
            "count": len(contents),
            "has_more": more,
            "next_offset": 20 if more else None,
            "applied_time_window_days": None,
            "resolved_call_sid": call if call is not None else key(session),
            "resolved_conversation_kind": "conversation" if call is None else "call",
        }

    def prompt(
        self, content: Any, run: bytes, call: Any, time: int, came: int, source: Any, system: Any, kind: Any,
        state: Any, service: Any, session: Any, attributes: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Return one prompt."""
        return {
            "event_id": key(run),
            "call_sid": call,
            "workspace_id": key(self.workspace),
            "effective_at": at(time),
            "ingested_at": at(came),
            "source": source,
            "source_system": system,
            "prompt_type": kind or content["prompt_type"],
            "turn_index": content["turn_index"],
            "system_prompt": content["system_prompt"],
            "history": content["history"],
            "full_prompt": content["full_prompt"],
            "llm_model": content["llm_model"],
            "llm_response": content["llm_response"],
            "state_name": state or content["state_name"],
            "action": content["action"],
            "tool_names": content["tool_names"] or [],
            "has_tools": bool(content["tool_names"]),
            "service_id": key(service),
            "session_id": key(session),
            "data_parse_error": attributes is not None and "data_parse_error" in attributes,
        }

    def contents(self, rows: list[Any]) -> list[Any]:
        """Return the contents of these runs, with all documented keys, and with what their links hold."""
        heads = list({head for row in rows for head in row[3:] if head is not None})
        links: dict[bytes, tuple[str, bytes | None, str]] = {}
        if heads:
            chains = CHAINS.format(marks=", ".join(["?"] * len(heads)))
            found = self.rows(chains, self.workspace, *heads, self.workspace, self.workspace)
            links = {row[0]: row[1:] for row in found}
        return [self.content(links, *row) for row in rows]

    def content(
        self,
        links: dict[bytes, Any],
        kind: str,
        name: str,
        written: str | None,
        history: bytes | None,
        context: bytes | None,
    ) -> Any:
        """Return one run's content."""
        if not written:
            return None
        said = orjson.loads(written)
        if history is not None:
            said["history"] = [orjson.loads(data) for _, data in reversed(list(chain(links, history)))]
        for member, data in chain(links, context):
            said[member] = orjson.loads(data)
        whole = {each: said.get(each) for each in CONTENT_KEYS.get(kind, ("input", "output"))} | said
        if kind in NAMED_BY and whole[NAMED_BY[kind]] is None:
            whole[NAMED_BY[kind]] = name
        return whole


def chain(links: dict[bytes, Any], head: bytes | None) -> Any:
    """Yield kind and data of a link and of those before it."""
    while head is not None:
        kind, head, data = links[head]
        yield kind, data


def span_of(run: bytes) -> int:
    """Return the span id in a run's id (RFC 9562 version 8: two bits in byte 7, 62 behind the variant)."""
    return (run[7] & 3) << 62 | int.from_bytes(run[8:], "big") & ((1 << 62) - 1)
