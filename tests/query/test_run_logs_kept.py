"""The run logs that are at hand: given without waiting, and only while nothing has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.errors import InvalidQuery

CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"


def _record(trace: AgentTrace) -> None:
    with trace.scope(ai_contact_id=CONTACT), trace.master("answer"):
        pass
    assert trace.flush(30)


def _read(trace: AgentTrace) -> tuple[int, str]:
    rows, pieces = trace.query.run_logs_text(ai_contact_id=CONTACT)
    return rows, "".join(pieces)


def test_a_page_is_at_hand_until_something_changes(tmp_path: Path) -> None:
    """Here or in another process; notes of the audit log are no change."""
    with AgentTrace(tmp_path / "traces.db") as trace, AgentTrace(tmp_path / "traces.db") as other:
        _record(trace)
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT) is None
        first = _read(trace)
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT) == first
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT, page=2) is None
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT, workspace_id="another") is None
        trace.audit_trail.note("run_logs.queried", workspace_id="00000000-0000-4000-8000-000000000000")
        assert trace.flush(30)
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT) == first
        for recorder in (other, trace):
            before = _read(trace)
            _record(recorder)
            assert trace.query.run_logs_kept(ai_contact_id=CONTACT) is None
            assert _read(trace)[0] == before[0] + 1
            assert trace.query.run_logs_kept(ai_contact_id=CONTACT) == _read(trace)


def test_records_on_their_way_make_it_unknown(tmp_path: Path) -> None:
    """They have to be waited for, and that is not done here."""
    with AgentTrace(tmp_path / "traces.db", flush_interval=3600) as trace:
        _record(trace)
        _read(trace)
        assert trace.query.run_logs_kept(ai_contact_id=CONTACT) is not None
        with trace.master("answer"):
            assert trace.query.run_logs_kept(ai_contact_id=CONTACT) is None


def test_its_arguments_are_checked(tmp_path: Path) -> None:
    """As those of `run_logs` are."""
    with AgentTrace(tmp_path / "traces.db") as trace, pytest.raises(InvalidQuery, match="page_size"):
        trace.query.run_logs_kept(ai_contact_id=CONTACT, page_size=0)
