"""Two tools at once: spans of tasks that run side by side nest under the span that started them."""

from __future__ import annotations

import asyncio

import agenttrace
from agenttrace.cli.render import draw


@agenttrace.tool_call
async def weather(city: str) -> str:
    await asyncio.sleep(0.01)
    return f"{city}: 12 degrees"


@agenttrace.tool_call
async def news(city: str) -> str:
    await asyncio.sleep(0)
    return f"{city}: nothing happened"


@agenttrace.master(agent_key="agt_morning")
async def briefing(city: str) -> str:
    async with agenttrace.span("plan", "what to ask") as plan:
        plan.output = ["weather", "news"]
    return "; ".join(await asyncio.gather(weather(city), news(city)))


if __name__ == "__main__":
    agenttrace.configure("sqlite:///async_agent.db")
    print(asyncio.run(briefing("Oslo")))
    (turn,) = agenttrace.query.runs(run_type="master")
    print(draw(agenttrace.query.trace(turn.id)))
