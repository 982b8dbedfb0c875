"""Two workspaces with the same ids for everything, in worlds where both exist or one alone."""

from __future__ import annotations

import contextlib
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

from agenttrace import AgentTrace, extract, inject
from agenttrace.model import ids as model_ids
from agenttrace.testing import CountedIds, FixedClock
from tests.asgi.asgi_world import (
    ABROAD,
    ANN,
    BLUE,
    CONTACT,
    HOME,
    NOW,
    SESSION,
    TALK,
    app_of,
    send,
)

WORKSPACES = (HOME, ABROAD)
#: Stand in all that the two record.
CANARIES = ("kestrel", "wagtail")
OWNER = {"user_id": ANN, "team_id": BLUE}
LATER = "aev_ffffffffffffff0000000000"


def _session_uuid(owner: int, text: str) -> str:
    return str(uuid.UUID(bytes=model_ids.session_id(uuid.UUID(WORKSPACES[owner]).bytes, text)))


class Ids:
    """Names of a contact, sessions and so on: those that both workspaces use, or one workspace's own."""

    def __init__(self, owner: int | None) -> None:
        word = "shared" if owner is None else CANARIES[owner]
        self.contact = CONTACT if owner is None else f"4f9c2a6e-6a5d-4c7b-9a51-00000000000{owner}"
        self.session = SESSION if owner is None else f"ase_{word}_session"
        self.session_key = self.session if self.session.startswith("ase_") else f"ase_{self.session}"
        self.session_uuid = SESSION if owner is None else _session_uuid(owner, self.session)
        self.talk = TALK if owner is None else f"c0ffee00-0000-4000-8000-00000000000{owner}"
        self.agent = f"agt_{word}"
        self.call = f"CA_{word}"
        self.widget = f"wd_{word}"

    def scope(self) -> dict[str, Any]:
        """Return them as the ids of a scope."""
        return {
            "ai_contact_id": self.contact,
            "session_id": self.session,
            "conversation_id": self.talk,
            "agent_key": self.agent,
            "call_sid": self.call,
        }


SHARED, OWN = Ids(None), (Ids(0), Ids(1))


class SameIds(CountedIds):
    """Trace ids that the millisecond alone decides, so that those of the workspaces are equal."""

    def trace(self, now: int) -> bytes:
        """Return the milliseconds, then a one."""
        return (now // 1000).to_bytes(6, "big") + (1).to_bytes(10, "big")


class Tenant:
    """One workspace: what it records with, its key, the word that marks all of it."""

    def __init__(self, number: int, store: Path, key: str) -> None:
        self.number, self.key = number, key
        self.workspace, self.canary = WORKSPACES[number], CANARIES[number]
        self.clock = FixedClock(NOW)
        self.trace = AgentTrace(store, clock=self.clock, ids=SameIds())
        self.steps = 0

    def record(self, kind: str, ids: Ids, parent: dict[str, str]) -> dict[str, str]:
        """Record a run with another below it, and return the headers that lead to it."""
        make, word = self.trace, self.canary
        about = {"interaction_type": "free_form", "widget_id": ids.widget, "agent_name": word, "state_name": word}
        with contextlib.ExitStack() as stack:
            if parent:
                stack.enter_context(extract(parent))
            stack.enter_context(make.scope(workspace_id=self.workspace, **ids.scope(), **OWNER, attributes=about))
            span = stack.enter_context(self._span(kind))
            headers = inject({})
            span.thinking(word)
            with make.tool_call(word, input={"query": word}) as call:
                call.payload({"found": word})
            if kind in ("master", "tool_call"):
                span.output = word
        return headers

    def register(self, ids: Ids) -> None:
        """Register what is named by these ids."""
        with self.trace.scope(workspace_id=self.workspace):
            self.trace.register_contact(ids.contact)
            self.trace.register_agent(ids.agent, self.canary)
            of = {"agent_key": ids.agent, "conversation_id": ids.talk, "call_sid": ids.call}
            self.trace.register_session(ids.session, **of, **OWNER)

    def _span(self, kind: str) -> Any:
        word = self.canary
        match kind:
            case "context":
                return self.trace.context(word, query=word)
            case "prompt":
                return self.trace.prompt(word, model=word, system_prompt=word, state_name=word)
            case _:
                return getattr(self.trace, kind)(word, input=word)


class World:
    """A store, an app over it, and the workspaces that are there."""

    def __init__(self, folder: Path, present: Iterable[int]) -> None:
        self.server = AgentTrace(folder / "traces.db", clock=FixedClock(NOW))
        self.app = app_of(self.server)
        self.keys = {number: self._key(number) for number in (0, 1)}
        self.tenants = {number: Tenant(number, folder / "traces.db", self.keys[number]) for number in present}

    def _key(self, number: int) -> str:
        scopes = ("read", "ingest", "manage")
        of: dict[str, Any] = {"workspace_id": WORKSPACES[number], "user_id": ANN, "team_ids": [BLUE]}
        return self.server.keys.create(name=CANARIES[number], role="owner", scopes=scopes, **of).key

    async def play(self, plan: list[Any], headers: dict[tuple[int, int], dict[str, str]]) -> None:
        """Do the steps of those who are there; `headers` are what led to each step's span in an earlier world."""
        for place, (number, kind, shared, forged, flushed) in enumerate(plan):
            if number not in self.tenants:
                continue
            tenant, ids = self.tenants[number], SHARED if shared else OWN[number]
            tenant.clock.advance(0.001)
            before = [found for (who, when), found in headers.items() if who != number and when < place]
            parent = before[-1] if forged and before else {}
            await self._step(tenant, kind, ids, place, parent, headers)
            if flushed:
                assert tenant.trace.flush(30)
        assert all(tenant.trace.flush(30) for tenant in self.tenants.values())
        assert self.server.flush(30)

    async def _step(
        self, tenant: Tenant, kind: str, ids: Ids, place: int, parent: dict[str, str], headers: dict[Any, Any]
    ) -> None:
        match kind:
            case "register":
                tenant.register(ids)
            case "otlp" | "otlp_log":
                path = "/v1/traces" if kind == "otlp" else "/v1/logs"
                body = exported(kind, tenant, ids)
                answer = await send(self.app, path, tenant.key, "POST", body, X_Request_ID=f"{place}")
                assert (answer.status_code, answer.json()) == (200, {})
            case "reset":
                assert tenant.trace.flush(30)
                path = f"/ai/sessions?teamId={BLUE}&userId={ANN}"
                assert (await self.get(tenant.number, path, "DELETE", X_Request_ID=f"{place}")).status_code == 204
            case "refuse":
                answer = await self.get(tenant.number, f"{RUN_LOGS}{CONTACT}&page=0", X_Request_ID=f"{place}")
                assert answer.status_code == 400
            case _:
                found = tenant.record(kind, ids, parent)
                headers.setdefault((tenant.number, place), found)

    async def get(self, number: int, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Return what a workspace's key is answered."""
        return await send(self.app, path, self.keys[number], method, **headers)

    def notes(self, number: int) -> list[Any]:
        """Return what the audit log of a workspace says, oldest first."""
        found = self.server.query.audit(workspace_id=WORKSPACES[number])
        notes = [(note.action, note.user_id, note.filters, note.rows, note.status, note.request_id) for note in found]
        return sorted(notes, key=repr)

    def close(self) -> None:
        """End it."""
        for trace in (self.server, *(tenant.trace for tenant in self.tenants.values())):
            assert trace.shutdown(30)


RUN_LOGS = "/api/public/run-logs?page_size=100&ai_contact_id="


def exported(kind: str, tenant: Tenant, ids: Ids) -> dict[str, Any]:
    """Return an OTLP request that names the other workspace wherever a sender could think of."""
    other, word = WORKSPACES[1 - tenant.number], tenant.canary
    tenant.steps += 1
    named = {f"agenttrace.{name}": value for name, value in ids.scope().items()}
    forged = {"agenttrace.workspace_id": other, "workspace_id": other, "agenttrace.workspace": other}
    values = {**named, **forged, "agenttrace.run_type": "tool_call", "gen_ai.tool.name": word, "input.value": word}
    values["agenttrace.attributes"] = json.dumps({"workspace_id": other, "interaction_type": "free_form"})
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
    trace = f"{tenant.steps:032x}"
    ns = 1_768_478_400_000_000_000 + tenant.steps * 1_000_000
    scope, resource = {"name": word}, {"attributes": attributes}
    of = {"traceId": trace, "spanId": f"{1:016x}", "attributes": attributes}
    if kind == "otlp_log":
        record = {**of, "timeUnixNano": str(ns), "body": {"stringValue": word}}
        return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": [record]}]}]}
    span = {**of, "name": word, "kind": 1, "startTimeUnixNano": str(ns), "endTimeUnixNano": str(ns + 1000)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [span]}]}]}


@contextlib.contextmanager
def worlds(*presents: tuple[int, ...]) -> Iterator[list[World]]:
    with tempfile.TemporaryDirectory() as folder:
        made = [World(Path(folder) / str(number), present) for number, present in enumerate(presents)]
        try:
            yield made
        finally:
            for world in made:
                world.close()
