"""The tree of a trace: masters, connectors, one call seen twice, our own runs between, and broken parents."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agenttrace.model.foreign import NativeRun
from agenttrace.otel.derive import derive
from tests.otel.derive_cases import ident, parents, run_of, runs_of, span, types

AGENT = {"gen_ai.operation.name": "invoke_agent"}
CHAT = {"gen_ai.operation.name": "chat"}
TOOL = {"gen_ai.operation.name": "execute_tool"}
CHAIN = {"openinference.span.kind": "CHAIN"}
RETRIEVER = {"openinference.span.kind": "RETRIEVER"}
HTTP = {"http.request.method": "POST"}


def native(number: int, parent: int | None, via: int | None, run_type: str = "tool_call") -> NativeRun:
    return NativeRun(
        span_id=ident(number),
        parent_id=None if parent is None else ident(parent),
        via=None if via is None else ident(via),
        run_type=run_type,
        start=1000 * number,
        end=1000 * number + 1,
    )


# -- masters ---------------------------------------------------------------------------------------------------------


def test_the_outermost_agent_is_the_master() -> None:
    """Agents below an agent are agents, however deep; two agents side by side are two masters."""
    runs = runs_of(span(1, None, AGENT), span(2, 1, TOOL), span(3, 2, AGENT), span(4, 3, AGENT), span(5, None, AGENT))
    assert types(runs) == {1: "master", 2: "tool_call", 3: "agent", 4: "agent", 5: "master"}


def test_an_outermost_chain_with_a_prompt_is_the_master() -> None:
    """Where there is no agent; a chain below it, and one without a prompt, are chains."""
    runs = runs_of(span(1, None, CHAIN), span(2, 1, CHAIN), span(3, 2, CHAT), span(4, None, CHAIN), span(5, 4, TOOL))
    assert types(runs) == {1: "master", 2: "chain", 3: "prompt", 4: "chain", 5: "tool_call"}


def test_a_chain_around_an_agent_is_no_master() -> None:
    """The agent is."""
    runs = runs_of(span(1, None, CHAIN), span(2, 1, AGENT), span(3, 2, CHAT))
    assert types(runs) == {1: "chain", 2: "master", 3: "prompt"}


def test_late_children_change_the_answer() -> None:
    """A chain becomes the master when its prompt arrives, and is a chain again when an agent does."""
    chain, prompt, agent = span(1, None, CHAIN), span(3, 2, CHAT), span(2, 1, AGENT)
    assert types(runs_of(chain)) == {1: "chain"}
    assert types(runs_of(chain, prompt)) == {1: "chain", 3: "prompt"}
    assert types(runs_of(chain, prompt, span(2, 1))) == {1: "master", 3: "prompt"}
    assert types(runs_of(chain, prompt, agent)) == {1: "chain", 2: "master", 3: "prompt"}


def test_a_master_without_content_has_that_of_its_prompts() -> None:
    """The first prompt's last user message and the last prompt's answer; not while it runs, and not if it failed."""
    first = {**CHAT, "gen_ai.input.messages": '[{"role":"user","content":"a"},{"role":"user","content":"question"}]'}
    last = {**CHAT, "gen_ai.output.messages": '[{"role":"assistant","content":"answer"}]'}
    children = (span(2, 1, first), span(3, 1), span(4, 3, last))
    assert runs_of(span(1, None, AGENT), *children)[1].content == {"input": "question", "output": "answer"}
    assert runs_of(span(1, None, AGENT, end=None), *children)[1].content == {"input": "question"}
    assert runs_of(span(1, None, AGENT, status="error"), *children)[1].content == {"input": "question"}


def test_a_master_prefers_its_own_prompts() -> None:
    """An agent below it answers its own question, not the master's."""
    asked = {**CHAT, "gen_ai.input.messages": '[{"role":"user","content":"inner"}]'}
    own = {**CHAT, "gen_ai.input.messages": '[{"role":"user","content":"outer"}]'}
    runs = runs_of(span(1, None, AGENT), span(2, 1, AGENT), span(3, 2, asked), span(4, 1, own))
    assert (runs[1].content, runs[2].content) == ({"input": "outer"}, {"input": "inner"})


def test_the_users_word_is_the_strongest() -> None:
    """A run type that the user set beats every attribute, and needs no evidence."""
    assert run_of(CHAT, run_type_override="predefined_behaviour").run_type == "predefined_behaviour"
    assert runs_of(span(1, None, {}, run_type_override="Fetch Page"))[1].run_type == "fetch_page"


def test_evidence_by_rank() -> None:
    """Of contradicting attributes the one that stands first in the order of evidence counts."""
    attributes = {
        "langsmith.span.kind": "tool",
        "openinference.span.kind": "RETRIEVER",
        "gen_ai.operation.name": "chat",
        "traceloop.span.kind": "workflow",
        "llm.request.type": "embedding",
        "ai.operationId": "ai.toolCall",
        "gcp.vertex.agent.llm_request": "{}",
    }
    expected = ["tool_call", "context", "prompt", "master", "embeddings", "tool_call", "prompt"]
    found: list[str] = []
    while attributes:
        found.append(run_of(attributes).run_type)
        attributes.pop(next(iter(attributes)))
    assert found == expected


def test_an_unknown_operation_is_weaker_than_a_known_kind() -> None:
    """Its own name counts only where nothing else is known."""
    assert run_of({"gen_ai.operation.name": "odd", "traceloop.span.kind": "tool"}).run_type == "tool_call"
    assert run_of({"gen_ai.operation.name": "odd"}).run_type == "odd"


def test_names_are_no_evidence() -> None:
    """Neither a span's name nor an agent's name says what a span is."""
    assert runs_of(span(1, None, {"gen_ai.agent.name": "a"}, name="invoke_agent a")) == {}


# -- plain spans and parents -----------------------------------------------------------------------------------------


def test_plain_spans_are_bridged() -> None:
    """HTTP and database spans are no runs, and what is below them stands below the run above them."""
    runs = runs_of(span(1, None, HTTP), span(2, 1, AGENT), span(3, 2, HTTP), span(4, 3), span(5, 4, CHAT), span(6, 5))
    assert parents(runs) == {2: None, 5: 2}


def test_missing_and_remote_parents_make_roots() -> None:
    """A parent that is not known makes a root; one of another process is a parent as soon as it is known."""
    child = span(2, 1, AGENT, remote_parent=True)
    assert parents(runs_of(child)) == {2: None}
    assert parents(runs_of(child, span(1, None, TOOL))) == {1: None, 2: 1}


def test_children_that_start_after_their_parents_end() -> None:
    """A parent may have ended long before."""
    runs = runs_of(span(1, None, AGENT, end=1001), span(9, 1, CHAT))
    assert parents(runs) == {1: None, 9: 1}


@pytest.mark.parametrize("circle", [[(1, 1)], [(1, 2), (2, 1)], [(1, 2), (2, 3), (3, 1), (4, 2), (5, 4)]])
def test_circles_of_parents_are_cut(circle: list[tuple[int, int]]) -> None:
    """Each run is there once, and the first of the circle is a root."""
    spans = [span(number, parent, TOOL | {"gen_ai.tool.name": str(number)}) for number, parent in circle]
    random.Random(1).shuffle(spans)
    found = parents(runs_of(*spans))
    assert found == {number: None if number == 1 else parent for number, parent in circle}


def test_deep_trees_need_no_stack() -> None:
    """A chain of spans of any depth is a tree."""
    deep = [span(number, number - 1 or None, {"gen_ai.operation.name": "plan"}) for number in range(1, 5001)]
    found = parents(runs_of(*deep))
    assert all(parent == (number - 1 or None) for number, parent in found.items())


# -- running spans ---------------------------------------------------------------------------------------------------


def test_open_spans_are_running_runs() -> None:
    """A span that has not ended is a provisional run; its type is what its attributes say so far."""
    run = run_of(CHAT, end=None)
    assert (run.run_type, run.status, run.end, run.provisional) == ("prompt", "running", None, True)


def test_open_spans_without_evidence() -> None:
    """Half of the emitters say at the end what a span is: until then it shows as a span, unless it is a remote call."""
    assert types(runs_of(span(1, None, end=None), span(2, 1, CHAT))) == {1: "span", 2: "prompt"}
    assert runs_of(span(1, None, HTTP, end=None), span(2, None, kind="client", end=None)) == {}
    assert types(runs_of(span(1), span(1, None, end=None), span(2, 1, CHAT))) == {2: "prompt"}


def test_an_end_beats_a_start() -> None:
    """Of two versions of a span the ended one counts, with what the start knew and the end lost."""
    started = span(1, None, {**CHAT, "gen_ai.request.model": "m"}, end=None)
    ended = span(1, None, {"gen_ai.usage.input_tokens": 3})
    run = runs_of(ended, started)[1]
    assert (run.run_type, run.status) == ("prompt", "success")
    assert run.content == {"llm_model": "m", "usage": {"input_tokens": 3}}


def test_start_attributes_fill_what_was_evicted() -> None:
    """At the SDK's limit of attributes the oldest go first."""
    run = run_of({"gen_ai.request.model": "late"}, start_attributes={**CHAT, "gen_ai.request.model": "early"})
    assert (run.run_type, run.content["llm_model"]) == ("prompt", "late")


# -- one call seen twice ---------------------------------------------------------------------------------------------


def test_a_prompt_below_a_prompt_is_one_call() -> None:
    """The outer one stays, with its gaps filled from the inner one, and what was below that is below it."""
    outer = {**CHAT, "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1}
    inner = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "other",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "hi",
        "llm.token_count.prompt": 2,
        "llm.token_count.completion": 3,
        "session.id": "s-1",
    }
    runs = runs_of(span(1, None, outer), span(2, 1), span(3, 2, inner), span(4, 3, TOOL))
    assert types(runs) == {1: "prompt", 4: "tool_call"}
    assert parents(runs) == {1: None, 4: 1}
    assert runs[1].content["llm_model"] == "m"
    assert runs[1].content["llm_response"] == "hi"
    assert runs[1].content["usage"] == {"input_tokens": 1, "output_tokens": 3}
    assert runs[1].scope_ids == {"session_id": "s-1"}


def test_content_of_the_inner_call_replaces_an_outer_skeleton() -> None:
    """Messages without content, as they are where capture is off, are a gap."""
    outer = {**CHAT, "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text"}]}]'}
    inner = {**CHAT, "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'}
    run = runs_of(span(1, None, outer), span(2, 1, inner))[1]
    assert (run.content["history"], run.content["full_prompt"]) == ([{"role": "user", "content": "hi"}], "hi")


def test_one_tool_seen_twice() -> None:
    """A tool directly below itself is one call; another tool, or another call of it, is not."""
    tool = {**TOOL, "gen_ai.tool.name": "look_up", "gen_ai.tool.call.id": "c1"}
    twice = {"openinference.span.kind": "TOOL", "tool.name": "Look-Up", "output.value": "3"}
    assert runs_of(span(1, None, tool), span(2, 1, twice))[1].content["output"] == "3"
    assert types(runs_of(span(1, None, tool), span(2, 1, twice))) == {1: "tool_call"}
    other = {**TOOL, "gen_ai.tool.name": "fetch"}
    assert len(runs_of(span(1, None, tool), span(2, 1, other))) == 2
    again = {**TOOL, "gen_ai.tool.name": "look_up", "gen_ai.tool.call.id": "c2"}
    assert len(runs_of(span(1, None, tool), span(2, 1, again))) == 2


def test_one_retrieval_seen_twice() -> None:
    """A retrieval directly below one of the same query is one; a reranking, and another query, are not."""
    query = {**RETRIEVER, "input.value": "peaks"}
    inner = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": '[{"id": "d"}]'}
    runs = runs_of(span(1, None, query), span(2, 1, inner))
    assert runs[1].content == {"query": "peaks", "documents": [{"id": "d"}]}
    reranker = {"openinference.span.kind": "RERANKER", "reranker.query": "peaks"}
    assert len(runs_of(span(1, None, query), span(2, 1, reranker))) == 2
    assert len(runs_of(span(1, None, query), span(2, 1, {**RETRIEVER, "input.value": "lakes"}))) == 2


def test_an_agent_between_makes_two_calls() -> None:
    """Only what is directly below is the same call: an agent that is called as a tool has tools of its own."""
    tool = {**TOOL, "gen_ai.tool.name": "look_up"}
    assert len(runs_of(span(1, None, tool), span(2, 1, AGENT), span(3, 2, tool))) == 3


def test_siblings_with_one_response_are_one_call() -> None:
    """Two instrumentations beside each other saw one call; their children have one parent."""
    one = {**CHAT, "gen_ai.response.id": "r-1", "gen_ai.request.model": "m"}
    other = {"openinference.span.kind": "LLM", "output.value": '{"id": "r-1"}', "llm.token_count.prompt": 3}
    runs = runs_of(
        span(1, None, AGENT),
        span(2, 1, one, scope_name="a", end=2900),
        span(3, 1, other, scope_name="b", start=2100, end=2800),
        span(4, 3, TOOL),
    )
    assert types(runs) == {1: "master", 2: "prompt", 4: "tool_call"}
    assert parents(runs)[4] == 2
    assert runs[2].content["usage"] == {"input_tokens": 3}


def test_one_response_id_for_every_call_is_no_duplicate() -> None:
    """Calls after each other, and calls that one instrumentation saw, are calls of their own."""
    call = {**CHAT, "gen_ai.response.id": "always"}
    assert len(runs_of(span(1, None, call, scope_name="a"), span(2, None, call, scope_name="b"))) == 2
    at_once = {"start": 1000, "end": 2000, "scope_name": "a"}
    assert len(runs_of(span(1, None, call, **at_once), span(2, None, call, **at_once))) == 2


# -- our own runs ----------------------------------------------------------------------------------------------------


def test_foreign_and_own_runs_nest_in_any_mix() -> None:
    """An own run below a foreign one has it as its parent; a foreign one below an own run too."""
    spans = [span(1, None, AGENT), span(2, 1, HTTP), span(4, 3, CHAT), span(5, 4, HTTP)]
    derived = derive(spans, (), [native(3, None, 2), native(6, 3, 5)])
    assert {run.span_id: run.parent_id for run in derived.runs} == {ident(1): None, ident(4): ident(3)}
    assert derived.reparented == {ident(3): ident(1), ident(6): ident(4)}


def test_own_runs_keep_their_parent_without_foreign_runs_between() -> None:
    """A plain span between two of our own changes nothing, nor does one that is not known."""
    spans = [span(2, 1, HTTP)]
    derived = derive(spans, (), [native(1, None, None), native(3, 1, 2), native(4, 1, 77), native(5, 99, None)])
    assert derived.reparented == {}
    assert derived.runs == []


def test_own_masters_and_prompts_count() -> None:
    """An agent below our master is no master, and a chain around our prompt is one."""
    below = derive([span(2, 1, AGENT)], (), [native(1, None, None, "master")]).runs
    assert [run.run_type for run in below] == ["agent"]
    around = derive([span(1, None, CHAIN)], (), [native(2, None, 1, "prompt")])
    assert [run.run_type for run in around.runs] == ["master"]
    assert around.reparented == {ident(2): ident(1)}


def test_own_runs_that_come_back_are_left_alone() -> None:
    """What left as a span and is received again is still our own run."""
    derived = derive([span(1, None, CHAT), span(2, 1, TOOL)], (), [native(1, None, None, "prompt")])
    assert [run.span_id for run in derived.runs] == [ident(2)]
    assert derived.runs[0].parent_id == ident(1)


# -- ids -------------------------------------------------------------------------------------------------------------


def test_ids_spread() -> None:
    """A run without an id has that of the nearest span above it; a root learns its own from the first below it."""
    user = {"user.id": "u-1"}
    runs = runs_of(
        span(1, None, user),
        span(2, 1, AGENT),
        span(3, 2, {**CHAT, "session.id": "first"}),
        span(4, 2, {**TOOL, "session.id": "second"}),
        span(5, 4, CHAT),
        span(6, 2, CHAT),
    )
    sessions = {number: run.scope_ids["session_id"] for number, run in runs.items()}
    assert sessions == {2: "first", 3: "first", 4: "second", 5: "second", 6: "first"}
    assert {run.scope_ids["user_id"] for run in runs.values()} == {"u-1"}


def test_plain_spans_do_not_carry_ids_to_their_siblings() -> None:
    """Two turns in one request are two sessions."""
    runs = runs_of(span(1), span(2, 1, {**AGENT, "session.id": "a"}), span(3, 1, {**AGENT}))
    assert "session_id" not in runs[3].scope_ids


def test_conversation_before_session_before_association() -> None:
    """The session is the conversation, else the session, else what the association names."""
    given: dict[str, Any] = {
        "gen_ai.conversation.id": "conversation",
        "session.id": "session",
        "traceloop.association.properties.session_id": "association",
        "traceloop.association.properties.thread_id": "thread",
    }
    found: list[str] = []
    while given:
        found.append(run_of({**CHAT, **given}).scope_ids["session_id"])
        given.pop(next(iter(given)))
    assert found == ["conversation", "session", "association", "thread"]


def test_what_was_in_force_beats_what_is_sent() -> None:
    """Ids of our own scope were set on purpose; a workspace is never taken from a span."""
    run = run_of({**CHAT, "session.id": "sent", "agenttrace.workspace_id": "w"}, scope_ids={"session_id": "set"})
    assert run.scope_ids == {"session_id": "set"}


def test_metadata_gives_ids_and_attributes() -> None:
    """A JSON object of metadata has ids by their names, and attributes otherwise."""
    metadata = '{"user_id": "u-1", "thread_id": "t-1", "workspace_id": "w", "widget_id": "w-1", "n": [1]}'
    run = run_of({**RETRIEVER, "metadata": metadata})
    assert run.scope_ids == {"user_id": "u-1", "session_id": "t-1"}
    assert run.attributes == {"thread_id": "t-1", "widget_id": "w-1", "n": [1]}


def test_siblings_at_different_depths_are_one_call() -> None:
    """Plain spans between do not matter: what is below either is below the one that stays, whatever its depth."""
    one = {**CHAT, "gen_ai.response.id": "r-1"}
    runs = runs_of(
        span(1, None, AGENT),
        span(2, 1),
        span(3, 2),
        span(4, 3, one, scope_name="a", start=1500, end=9000),
        span(5, 1, one, scope_name="b", start=1600, end=8000),
        span(6, 5, {**TOOL, "session.id": "s-1"}),
        span(7, 6, AGENT),
    )
    assert parents(runs) == {1: None, 4: 1, 6: 4, 7: 6}
    assert types(runs) == {1: "master", 4: "prompt", 6: "tool_call", 7: "agent"}
    assert {run.scope_ids["session_id"] for run in runs.values()} == {"s-1"}
