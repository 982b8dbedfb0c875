"""Spans without a `with`: begun and ended by hand, in whatever order and thread the work takes."""

from __future__ import annotations

import agenttrace
from agenttrace.cli.render import draw


@agenttrace.master(agent_key="agt_refunds")
def refund(amount: int) -> str:
    approval = agenttrace.span("approval", "a human agrees", input={"amount": amount})
    approval.pending()  # announced and visible; nobody has begun it, no process owns it

    transfer = agenttrace.span("transfer", "to accounting").start()
    transfer.end(error=TimeoutError("nobody picked up"))

    approval.start()
    approval.set("approved_by", "usr_ada")
    approval.end(output="approved")

    receipt = agenttrace.span("receipt", "to the customer")
    receipt.pending()  # it waits still, when this program has long ended
    return "refunded"


if __name__ == "__main__":
    agenttrace.configure("sqlite:///manual_spans.db")
    print(refund(40))
    (turn,) = agenttrace.query.runs(run_type="master")
    print(draw(agenttrace.query.trace(turn.id)))
