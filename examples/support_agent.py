"""A small agent that answers questions about this project's documentation, and what agenttrace recorded of it.

Its model is scripted, so it runs offline; everything around the model is as in a real agent: several turns of one
session, retrieval over Markdown files, tools of which one fails, and answers that are streamed.
"""

from __future__ import annotations

import argparse
import ast
import math
import operator
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import agenttrace
from agenttrace.cli.render import tree
from agenttrace.cli.text import one_line

try:
    from rich.console import Console
    from rich.text import Text
except ImportError:  # the extra `cli` is not installed: print plainly
    Console = Text = None

DOCS = Path(__file__).resolve().parent.parent / "docs"
CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
SESSION = "ase_docs_demo"
SYSTEM = "You answer questions about agenttrace from its documentation. Say where the answer stands."
QUESTIONS = [
    "How are secrets redacted before they reach a disk?",
    "A journal may take 1024 * 1024 * 1024 bytes. How many segments of 4194304 bytes is that: 1024 ** 3 / 4194304?",
    "Please open a ticket: the journal folder is read-only.",
]

Message = dict[str, Any]
history: list[Message] = []


# --- what the agent can do -------------------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


@agenttrace.tool_call
def calculator(expression: str) -> float:
    """Work out an arithmetic expression: numbers and operators, nothing else."""
    return evaluate(ast.parse(expression, mode="eval").body)


def evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](evaluate(left), evaluate(right))
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](evaluate(operand))
    raise ValueError(f"not arithmetic: {ast.unparse(node)}")


@agenttrace.tool_call
def open_ticket(subject: str) -> str:
    """Hand over to a human; today the ticket system is closed."""
    raise ConnectionError(f"the ticket system does not answer (subject: {subject})")


def retrieve(question: str, count: int = 3) -> list[Message]:
    """Return the sections of the documentation that share the most, and the rarest, words with the question."""
    with agenttrace.context("search_docs", query=question) as retrieval:
        found = [(section, words(section["title"] + section["text"])) for section in sections()]
        known = Counter(word for _, text in found for word in text)
        rare = {word: math.log(len(found) / known[word]) for word in words(question) if word in known}
        ranked = sorted(found, key=lambda pair: -sum(rare[word] for word in pair[1] & rare.keys()))
        retrieval.documents = [section for section, _ in ranked[:count]]
        return retrieval.documents


def sections() -> Iterator[Message]:
    for page in sorted(DOCS.glob("*.md")):
        for part in re.split(r"(?m)^#+ ", page.read_text(encoding="utf-8"))[1:]:
            title, _, text = part.partition("\n")
            yield {"page": f"docs/{page.name}", "title": title.strip(), "text": text.strip()[:600]}


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


TOOLS = {"calculator": calculator, "open_ticket": open_ticket}


# --- the scripted model ----------------------------------------------------------------------------------------------


def decide(question: str) -> tuple[str, str] | None:
    """Return the tool that the question calls for and its argument, or None where the documents suffice."""
    if arithmetic := re.search(r"\d[\d\s.]*(?:[-+/]|\*\*?)[\d\s.+*/-]*\d", question.partition(":")[2]):
        return "calculator", arithmetic.group()
    return ("open_ticket", question.partition(":")[2].strip()) if "ticket" in question else None


def words_of_model(documents: list[Message], result: str | None) -> Iterator[str]:
    """Yield an answer word by word, as a model streams it."""
    best = documents[0]
    said = re.match(r"[^.:|]+", best["text"].replace("\n", " "))
    answer = result or f"{said.group() if said else best['title']}."
    yield from f"{answer} See “{best['title']}” in {best['page']}.".split()


# --- the agent -------------------------------------------------------------------------------------------------------


@agenttrace.master(agent_key="docs", name="answer")
def answer(question: str) -> str:
    history.append({"role": "user", "content": question})
    documents = retrieve(question)
    result = act(question)
    reply = speak(documents, result)
    history.append({"role": "assistant", "content": reply})
    return reply


def act(question: str) -> str | None:
    """Ask the model which tool to use, and use it; a tool that fails is told to the user, not raised."""
    with ask("choose_action", state_name="thinking") as turn:
        choice = decide(question)
        turn.response = f"call {choice[0]}" if choice else "no tool"
        turn.usage(input_tokens=len(question.split()), output_tokens=2)
    if choice is None:
        return None
    agenttrace.current().thinking(f"This needs the tool {choice[0]}.")
    try:
        return f"It is {TOOLS[choice[0]](choice[1]):g}."
    except ConnectionError as problem:
        return f"I could not do that: {problem}."


def speak(documents: list[Message], result: str | None) -> str:
    """Stream the answer to the user."""
    with ask("engage_user", state_name="answering") as turn:
        said: list[str] = []
        for word in words_of_model(documents, result):
            print(word, end=" ", flush=True)
            said.append(word)
        print()
        turn.response = " ".join(said)
        turn.usage(input_tokens=sum(len(d["text"].split()) for d in documents), output_tokens=len(said))
        return turn.response


def ask(prompt_type: str, *, state_name: str) -> Any:
    """Return the span of one call of the model."""
    return agenttrace.prompt(
        prompt_type,
        model="scripted-1",
        provider="example",
        system_prompt=SYSTEM,
        history=history,
        tools=list(TOOLS),
        turn_index=len(history) // 2,
        state_name=state_name,
    )


# --- what was recorded -----------------------------------------------------------------------------------------------


def show(*pieces: tuple[str, str]) -> None:
    if Console is None:
        print("".join(text for text, _ in pieces))
    else:
        Console(soft_wrap=True, highlight=False).print(Text.assemble(*pieces))


def report() -> None:
    show(("\nThe turns of the session, as trees\n", "bold underline"))
    for turn in sorted(agenttrace.query.runs(run_type="master"), key=lambda run: run.start_time):
        for line in tree(agenttrace.query.trace(turn.id), width=48):
            show(*line)

    show(("\nIts events, in the order they happened\n", "bold underline"))
    for event in agenttrace.query.agent_events("docs", SESSION, limit=100).model_dump(mode="json")["events"]:
        show((f"{event['type']:<14}", "cyan"), (tool(event), "bold"), (one_line(told(event), 80), ""))

    show(("\nIts prompts, newest first\n", "bold underline"))
    for item in agenttrace.query.prompt_logs(None).model_dump(mode="json")["items"]:
        show((f"{item['prompt_type']:<14}", "cyan"), (one_line(item["llm_response"], 80), ""))


def tool(event: Message) -> str:
    return f"{event['tool_name']} " if "tool_name" in event else ""


def told(event: Message) -> Any:
    if "messages" in event:
        return event["messages"][0]["content"]
    return next(event[key] for key in ("content", "tool_input", "tool_output") if key in event)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(), help="where agenttrace.db goes (default: here)")
    store = parser.parse_args().folder / "agenttrace.db"
    agenttrace.configure(f"sqlite:///{store}")
    with agenttrace.scope(session_id=SESSION, ai_contact_id=CONTACT, user_id="usr_demo", team_id="team_demo"):
        for question in QUESTIONS:
            show(("> ", "dim"), (question, "bold"))
            answer(question)
    report()
    show(("\nAll of it is in ", ""), (str(store), "bold"))
    agenttrace.shutdown()


if __name__ == "__main__":
    main()
