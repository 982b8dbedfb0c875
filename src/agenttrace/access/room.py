"""What one AgentTrace has of this room: its keys, its audit trail, and how a reader waits for neither of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.access.audit import AuditTrail
from agenttrace.access.keys import Keys
from agenttrace.access.side import SideRecords

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.protocol import Store

__all__ = ["Access"]


class Access:
    """Keys and audit trail on one store and one journal. `clock` returns microseconds; `attribute` redacts filters."""

    def __init__(
        self,
        store: Callable[[], Store],
        append: Callable[[int, bytes], None],
        *,
        recorded: Callable[[], int],
        settle: Callable[[], bool],
        clock: Callable[[], int],
        attribute: Callable[[str, object], bytes],
    ) -> None:
        side = SideRecords(append, recorded=recorded, settle=settle)
        self.keys = Keys(store, append=side.append, clock=clock)
        self.trail = AuditTrail(side.append, clock=clock, attribute=attribute)
        self.settle = side.settle
        self.is_settled = side.is_settled
