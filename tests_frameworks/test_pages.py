"""What the pages of docs/frameworks show is what the real frameworks leave behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agenttrace.model.run import Run
from tests_frameworks.fake_openai import ANSWER, USAGE
from tests_frameworks.framework_pages import PAGES, Recorded, Shown, shown

# A span of this name says that it calls a model, and does not.
NO_CALL = "._prepare_chat_with_tools"
# Examples in which no tool is offered to the model.
TOOLLESS = {"openai:v2", "openai:openinference", "openai:openllmetry"}
# What the fake API does not answer: pydantic-ai has a model for tests of its own.
OWN_MODEL = {"pydantic-ai:agent"}
# The tool's result goes back to the model in an attribute of no convention.
RESULT_LOST: set[str] = set()
# Chats that do not say which tools they offer.
TOOLS_UNNAMED = {"agent-framework:agent", "strands:agent"}


def prompts(recorded: Recorded) -> list[Run]:
    return [run for run in recorded.of("prompt") if not run.name.endswith(NO_CALL)]


def content(run: Run) -> dict[str, object]:
    return run.content or {}


def test_the_tree_is_the_page_s(example: Shown, recorded: Recorded) -> None:
    """The page shows the runs that its example leaves, by type, name and place."""
    assert recorded.tree == example.tree


def test_the_turn_is_a_master(example: Shown, recorded: Recorded) -> None:
    """There is one master, and it has the question and the answer."""
    (master,) = recorded.of("master")
    assert "How is the weather in Paris?" in str(content(master)["input"])
    assert "sunny" in str(content(master)["output"])


def test_all_runs_succeeded(recorded: Recorded) -> None:
    """Nothing failed, and nothing that was sent could not be read."""
    assert {run.status for run in recorded.runs} == {"success"}
    assert [run.name for run in recorded.runs if "data_parse_error" in run.attributes] == []


def test_every_call_of_a_model_is_a_prompt(example: Shown, recorded: Recorded) -> None:
    """One with a tool takes two calls, one without takes one, and each has its row in the prompt log."""
    assert len(prompts(recorded)) == (1 if str(example) in TOOLLESS else 2)
    assert recorded.prompts == len(recorded.of("prompt"))


def test_prompts_have_model_and_usage(example: Shown, recorded: Recorded) -> None:
    """Each prompt says which model answered, and what it took and gave."""
    for prompt in prompts(recorded):
        assert re.match(r"gpt-5|gpt-4o|test", str(content(prompt)["llm_model"]))
        usage = content(prompt)["usage"]
        assert isinstance(usage, dict)
        counts = usage["input_tokens"], usage["output_tokens"]
        assert counts == USAGE or (str(example) in OWN_MODEL and all(counts))


def test_prompts_have_what_went_in(recorded: Recorded) -> None:
    """The first prompt begins with the instructions and ends with the question of the user."""
    first = content(prompts(recorded)[0])
    assert first["system_prompt"]
    assert "How is the weather in Paris?" in str(first["history"])
    assert "How is the weather in Paris?" in str(first["full_prompt"])


def test_the_last_prompt_has_the_answer(example: Shown, recorded: Recorded) -> None:
    """As its response, or as the arguments of the tool that ends the turn."""
    last = prompts(recorded)[-1]
    answer = "It is sunny." if str(example) in OWN_MODEL else ANSWER
    if content(last)["action"] == "final_answer":
        assert answer in str(last.attributes["tool_calls"])
    else:
        assert content(last)["llm_response"] == answer


def test_a_tool_is_asked_for_and_called(example: Shown, recorded: Recorded) -> None:
    """The prompt has the tool as its action; the call has name, input and output; the next prompt has its result."""
    if str(example) in TOOLLESS:
        assert recorded.of("tool_call") == []
        return
    first, second = prompts(recorded)
    assert content(first)["action"] == "get_weather"
    assert ("sunny in" in str(content(second)["history"])) is (str(example) not in RESULT_LOST)
    call = recorded.of("tool_call")[0]
    assert content(call)["tool_name"] == "get_weather"
    assert content(call)["input"] in ({"city": "Paris"}, {"city": "a"}, "Paris")
    assert str(content(call)["output"]).startswith("sunny in")


def test_prompts_name_their_tools(example: Shown, recorded: Recorded) -> None:
    """All frameworks but those of which the pages say so name the tools that the model may call."""
    if str(example) in TOOLLESS:
        return
    expected = None if str(example) in TOOLS_UNNAMED else "get_weather"
    names = content(prompts(recorded)[0])["tool_names"]
    assert (names is None) if expected is None else (expected in str(names))


@pytest.mark.parametrize("page", sorted(PAGES.glob("[!i]*.md")), ids=lambda page: page.stem)
def test_a_page_says_whether_its_examples_run(page: Path) -> None:
    """Each page but the index says in one sentence whether `make test-frameworks` runs it, and that is true."""
    text = page.read_text(encoding="utf-8")
    runs = any(example.page == page for example in shown().values())
    assert ("`make test-frameworks` runs" in text) is runs
    assert ("`make test-frameworks` does not run" in text) is (not runs)
