"""One trace over two processes: the headers carry the parent and the scope, both processes write to one store."""

from __future__ import annotations

import json
import subprocess
import sys

import agenttrace
from agenttrace.cli.render import draw

STORE = "sqlite:///two_processes.db"


@agenttrace.tool_call
def convert(amount: float) -> float:
    return amount * 1.1


def worker(headers: str, amount: str) -> None:
    """Run in the second process: what it records nests under the span that sent the headers."""
    with agenttrace.extract(json.loads(headers)):
        print(convert(float(amount)))
    agenttrace.shutdown()


@agenttrace.master(agent_key="agt_bank")
def exchange(amount: float) -> float:
    headers: dict[str, str] = {}
    agenttrace.inject(headers)
    command = [sys.executable, __file__, json.dumps(headers), str(amount)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    agenttrace.configure(STORE)
    if len(sys.argv) > 1:
        worker(*sys.argv[1:])
    else:
        with agenttrace.scope(session_id="ase_exchange"):
            print(f"{exchange(100):.2f}")
        (turn,) = agenttrace.query.runs(run_type="master")
        print(draw(agenttrace.query.trace(turn.id)))
