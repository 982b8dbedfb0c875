"""Two tenants who use the same ids for everything, down to trace and span ids, never see a word of each other."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace import AgentTrace, errors, extract, inject
from agenttrace.testing import CountedIds, FixedClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTACT = "3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11"
TALK = "c0ffee00-0000-4000-8000-000000000000"
SESSIONS = ("ase_same", "a63ab83d-2bb8-42ab-8374-23b8e1e276e3", "the same text")
OWNER = {"user_id": "ann", "team_id": "blue"}

#: A run: its maker, its session, whether it is under the last one, whether its parent is the other tenant's last span.
STEPS = st.tuples(
    st.sampled_from(["master", "tool_call", "context", "prompt", "rerank"]),
    st.sampled_from(SESSIONS),
    st.booleans(),
    st.booleans(),
)
PLANS = st.lists(st.tuples(st.integers(0, 1), STEPS, st.booleans()), min_size=1, max_size=12)


class SameIds(CountedIds):
    """Trace ids that the millisecond alone decides, so that the tenants' are equal, and each tenant's unlike."""

    def trace(self, now: int) -> bytes:
        """Return the milliseconds, then a one."""
        return (now // 1000).to_bytes(6, "big") + (1).to_bytes(10, "big")


class Tenant:
    """One tenant: an AgentTrace of its own whose ids count from one, and the word that marks all it records."""

    def __init__(self, store: Path, workspace: Any, canary: str, contact: str) -> None:
        self.workspace = workspace
        self.canary = canary
        self.contact = contact
        self.clock = FixedClock(NOW)
        self.trace = AgentTrace(store=store, clock=self.clock, ids=SameIds())
        self.headers: dict[str, str] = {}
        self.ids: set[str] = set()

    def record(self, step: Any, other: Tenant) -> None:
        """Record one run, or two of which one is inside the other."""
        kind, session, nested, foreign = step
        self.clock.advance(0.001)
        scope = {"session_id": session, "conversation_id": TALK, "ai_contact_id": self.contact, "agent_key": "same"}
        attributes = {"interaction_type": "free_form", "widget_id": self.canary, "agent_name": self.canary}
        with contextlib.ExitStack() as stack:
            if foreign and other.headers:
                stack.enter_context(extract(other.headers))
            stack.enter_context(self.trace.scope(workspace_id=self.workspace, **scope, **OWNER, attributes=attributes))
            self.trace.register_agent("same", self.canary)
            span = stack.enter_context(self._span(kind))
            self.ids.add(span.run_id)
            self.headers = inject({})
            span.thinking(self.canary)
            if nested:
                with self._span("tool_call") as inner:
                    self.ids.add(inner.run_id)
                    inner.output = {"found": self.canary}
            span.output = self.canary

    def _span(self, kind: str) -> Any:
        make = self.trace
        match kind:
            case "context":
                return make.context(self.canary, query=self.canary)
            case "prompt":
                return make.prompt(self.canary, model=self.canary, system_prompt=self.canary)
            case "rerank":
                return make.span("rerank", self.canary, input=self.canary)
            case _:
                return getattr(make, kind)(self.canary, input=self.canary)

    def answers(self) -> Iterator[str]:
        """Yield all that this tenant can be answered, whoever's ids it asks for."""
        query, mine = self.trace.query, {"workspace_id": self.workspace}
        asks: list[Callable[[], Any]] = [
            lambda: query.ask_ai_logs(**mine, start_date="2026-01-01", end_date="2026-01-01"),
            lambda: query.prompt_logs(self.workspace, from_ts="2020-01-01", limit=100),
            lambda: query.prompt_logs(self.workspace, conversation_id=TALK, limit=100),
            lambda: query.run_logs(**mine, ai_contact_id=CONTACT, page_size=100),
        ]
        for session in SESSIONS:
            asks += [
                lambda session=session: query.action_logs(**mine, session_id=session, limit=200),
                lambda session=session: query.agent_events("same", session, **mine, limit=100),
            ]
        for ask in asks:
            with contextlib.suppress(errors.NotFound):
                yield ask().model_dump_json(by_alias=True)
        yield from map(repr, query.runs(**mine))
        yield from map(repr, query.sessions(**mine))
        for run_id in self.ids:
            yield from map(repr, query.trace(run_id, **mine).walk())


@contextlib.contextmanager
def tenants(first: Any, second: Any) -> Iterator[tuple[Tenant, Tenant]]:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "traces.db"
        one, other = Tenant(store, first, "canary-one", CONTACT), Tenant(store, second, "canary-two", CONTACT)
        with one.trace, other.trace:
            yield one, other


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    plan=PLANS,
    workspaces=st.sampled_from([("acme", "globex"), (None, "acme"), (uuid.UUID(int=1), uuid.UUID(int=2))]),
)
def test_no_word_of_one_tenant_shows_in_an_answer_to_the_other(plan: Any, workspaces: Any) -> None:
    """With the same contact, sessions, conversation, agent, owner, trace ids, span ids, and forged parents."""
    with tenants(*workspaces) as pair:
        for who, step, flushed in plan:
            pair[who].record(step, pair[1 - who])
            if flushed:
                assert pair[who].trace.flush(20)
        assert all(tenant.trace.flush(20) for tenant in pair)
        for tenant, other in (pair, pair[::-1]):
            answers = list(tenant.answers())
            assert [answer for answer in answers if other.canary in answer] == []
            assert not tenant.ids or any(tenant.canary in answer for answer in answers)
            check_parents(tenant)


def check_parents(tenant: Tenant) -> None:
    """Assert that all runs of a tenant are there, each in one tree of its own whose roots have no parent."""
    runs = list(tenant.trace.query.runs(workspace_id=tenant.workspace))
    assert {str(run.id) for run in runs} == tenant.ids
    assert all(run.name == tenant.canary for run in runs)
    if not runs:
        return
    page = tenant.trace.query.run_logs(workspace_id=tenant.workspace, ai_contact_id=CONTACT, page_size=100)
    seen = [str(log.id) for root in page.run_logs for log in root.walk()]
    assert sorted(seen) == sorted(tenant.ids)
    assert [root.parent_id for root in page.run_logs] == [None] * len(page.run_logs)


def test_the_same_ids_in_two_tenants_are_two_runs() -> None:
    """And a reset of one tenant's owner leaves the other's equal session alone."""
    step = ("master", "ase_same", True, False)
    with tenants("acme", "globex") as (one, other):
        one.record(step, other)
        other.record(step, one)
        assert one.ids == other.ids
        assert one.trace.flush(20)
        assert other.trace.flush(20)
        one.trace.query.reset_session(**OWNER, workspace_id="acme")
        assert one.trace.query.agent_events("same", "ase_same", workspace_id="acme").events == []
        assert one.trace.query.action_logs(session_id="ase_same", workspace_id="acme").count == 0
        assert len(other.trace.query.agent_events("same", "ase_same", workspace_id="globex").events) == 5
        assert other.trace.query.action_logs(session_id="ase_same", workspace_id="globex").count == 1


def test_a_forged_parent_of_another_tenant_is_no_parent() -> None:
    """The run is a root of its own, in the answers of both."""
    with tenants("acme", "globex") as (one, other):
        one.record(("context", "ase_same", False, False), other)
        one.record(("master", "ase_same", False, False), other)
        assert one.trace.flush(20)
        other.record(("tool_call", "ase_same", False, True), one)
        (root,) = other.trace.query.run_logs(ai_contact_id=CONTACT, workspace_id="globex").run_logs
        assert root.parent_id is None
        for run in one.trace.query.runs(workspace_id="acme"):
            assert one.trace.query.trace(run.id, workspace_id="acme").children == []
        with pytest.raises(errors.RunNotFound):
            one.trace.query.trace(root.id, workspace_id="acme")
