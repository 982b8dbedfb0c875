"""Ids that are secrets: hidden, and still the same id everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace import AgentTrace
from agenttrace.model import ids
from agenttrace.model.ids import is_telling, veiled
from agenttrace.model.secretforms import hidden
from agenttrace.otel import SpanProcessor
from agenttrace.record.redact import Redactor
from tests.record.redact_secrets import KINDS

SECRETS = [secret for kind, secret in KINDS if kind != "card"]
WORKSPACE = ids.DEFAULT_WORKSPACE.bytes


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_once(secret: str) -> None:
    """Whatever stands around it; what was hidden stays so, and redaction leaves it as it is."""
    for text in (secret, f"user {secret}", f"{secret} of ours"):
        mark = veiled(text)
        assert (secret not in mark, veiled(mark), is_telling(mark)) == (True, mark, True)
        assert Redactor().text(mark) == mark
        assert Redactor().text(f'{{"session_id":"{mark}"}}') == f'{{"session_id":"{mark}"}}'


def test_different_secrets_stay_different() -> None:
    """Two users with two keys are two users."""
    assert len({veiled(f"{secret}{end}") for secret in SECRETS for end in ("", " 1", " 2")}) == 3 * len(SECRETS)


@pytest.mark.parametrize("secret", SECRETS)
def test_all_ways_to_an_id_agree(secret: str) -> None:
    """The hidden id and the secret itself lead to the same rows."""
    mark = veiled(secret)
    assert ids.session_id(WORKSPACE, secret) == ids.session_id(WORKSPACE, mark)
    assert ids.session_key(WORKSPACE, secret) == ids.session_key(WORKSPACE, mark)
    assert ids.session_key(WORKSPACE, f"ase_{secret}") == ids.session_key(WORKSPACE, veiled(f"ase_{secret}"))
    assert ids.entity_id(WORKSPACE, secret) == ids.entity_id(WORKSPACE, mark)
    assert ids.workspace_id(secret) == ids.workspace_id(mark)
    assert ids.canonical(secret) == ids.canonical(mark) == mark
    assert ids.agent_key(secret) == ids.agent_key(mark)


@pytest.mark.parametrize(
    "text",
    [
        "a63ab83d-2bb8-42ab-8374-23b8e1e276e3",
        "41111111-1111-4111-8111-111111111111",
        "4111111111111111",
        "4915112345678",
        "CA0123456789abcdef0123456789abcdef",
        "ase_customer_support_001",
        "ann@example.org",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "sk-learn",
        "",
    ],
)
def test_ordinary_ids_stay(text: str) -> None:
    """UUIDs, numbers (of telephones, too, some of which look like cards), addresses, names."""
    assert veiled(text) == text


@given(st.text(max_size=60) | st.sampled_from(SECRETS).flatmap(lambda secret: st.just(f"x {secret}")))
def test_the_quick_look_misses_nothing(text: str) -> None:
    """What the forms find, the cheap signs before them let through."""
    assert veiled(text) == hidden(text)


def test_an_id_is_found_again(tmp_path: Path) -> None:
    """Recorded with secrets as ids, asked for by the same: queries, resets and purges reach the rows."""
    key, token = SECRETS[0], SECRETS[9]
    with AgentTrace(store=tmp_path / "traces.db") as trace:
        scope = {"session_id": key, "user_id": key, "team_id": token, "ai_contact_id": key, "agent_key": key}
        with trace.scope(**scope, call_sid=key, conversation_id=token), trace.prompt("greet", model="m"):
            pass
        with trace.scope(session_id=token, user_id=token), trace.master("other"):
            pass
        query = trace.query
        assert [run.name for run in query.runs(session_id=key)] == ["greet"]
        assert [run.name for run in query.runs(call_sid=key)] == ["greet"]
        assert [entry.prompt_type for entry in query.prompt_logs(None, call_sid=key).items] == ["greet"]
        assert query.agent_events(key, key).events is not None
        assert [run.name for run in query.runs(ai_contact_id=key)] == ["greet"]
        query.reset_session(team_id=token, user_id=key)
        assert trace.purge(user_id=key).counts["runs"] == 1
        assert [run.name for run in query.runs()] == ["other"]


def test_ids_that_lost_what_told_them_apart_are_none(tmp_path: Path) -> None:
    """Of foreign spans whose session is a secret none becomes the session of all the others."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    with AgentTrace(store=tmp_path / "traces.db") as trace:
        provider.add_span_processor(SpanProcessor(trace))
        for secret in SECRETS[:2]:
            with provider.get_tracer("t").start_as_current_span("chat") as span:
                span.set_attributes({"gen_ai.operation.name": "chat", "session.id": secret, "user.id": "ann"})
        runs = list(trace.query.runs())
        assert [(run.session_id, run.user_id) for run in runs] == [(None, "ann"), (None, "ann")]
    provider.shutdown()
