"""A generator keeps being one: its span lasts until it is exhausted or closed, and holds what it yielded so far."""

from __future__ import annotations

from collections.abc import Iterator

import agenttrace
from agenttrace.cli.render import draw


@agenttrace.prompt("engage_user", model="scripted-1")
def stream(question: str) -> Iterator[str]:
    yield from ("It ", "is ", "Tuesday.")


@agenttrace.master(agent_key="agt_calendar")
def answer(question: str) -> str:
    return "".join(stream(question))


@agenttrace.master(agent_key="agt_calendar")
def hang_up(question: str) -> str:
    words = stream(question)
    first = next(words)
    words.close()  # the user left: the span ends here, with one word
    return first


if __name__ == "__main__":
    agenttrace.configure("sqlite:///streaming.db")
    print(answer("Which day is it?"))
    print(hang_up("Which day is it?"))
    for turn in sorted(agenttrace.query.runs(run_type="master"), key=lambda run: run.start_time):
        print(draw(agenttrace.query.trace(turn.id)))
