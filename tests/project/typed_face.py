"""Only type-checked, by `make check`: what an editor knows of the module's functions, and what it refuses.

An ignored error that is none is an error here, so each `ignore` tells that the line above promises is refused.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import assert_type

import agenttrace
from agenttrace.model.run import Run
from agenttrace.query.views.run_logs import RunLogPage


def query() -> None:
    for run in agenttrace.query.runs(limit=5):
        assert_type(run, Run)
        print(run.conten)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    assert_type(agenttrace.query.run_logs(ai_contact_id="c1"), RunLogPage)
    agenttrace.query.runs(limt=5)  # pyright: ignore[reportCallIssue]
    agenttrace.query.nonsense()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    agenttrace.nonsense()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


async def query_awaited() -> None:
    async for run in agenttrace.query.aio.runs(limit=5):
        assert_type(run, Run)
    assert_type(await agenttrace.query.aio.run_logs(ai_contact_id="c1"), RunLogPage)
    agenttrace.query.aio.runs(limt=5)  # pyright: ignore[reportCallIssue]
