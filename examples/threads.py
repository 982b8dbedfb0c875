"""Threads of a pool start without a parent; `agenttrace.wrap` gives a function the span that is open here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import agenttrace
from agenttrace.cli.render import draw


@agenttrace.tool_call
def fetch(page: int) -> str:
    return f"page {page}"


@agenttrace.master(agent_key="agt_reader")
def read(pages: int) -> list[str]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(agenttrace.wrap(fetch), range(pages)))


if __name__ == "__main__":
    agenttrace.configure("sqlite:///threads.db")
    print(read(3))
    (turn,) = agenttrace.query.runs(run_type="master")
    print(draw(agenttrace.query.trace(turn.id)))
