"""What every store owes, as a pytest suite: subclass it, say how your store is made, and run it.

    from agenttrace.testing.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        def make_store(self, tmp_path, clock):
            return MyStore(tmp_path, clock=clock)

Needs pytest. The promises are those of `agenttrace.store.protocol.Store`.
"""

from __future__ import annotations

from agenttrace.testing.suite.access import AccessPromises
from agenttrace.testing.suite.calls import CallPromises
from agenttrace.testing.suite.foreign import ForeignPromises
from agenttrace.testing.suite.lookups import LookupPromises
from agenttrace.testing.suite.merging import MergePromises
from agenttrace.testing.suite.resets import ResetPromises
from agenttrace.testing.suite.trees import TreePromises
from agenttrace.testing.suite.views import ViewPromises

__all__ = ["StoreConformance"]


class StoreConformance(
    MergePromises,
    TreePromises,
    ResetPromises,
    ViewPromises,
    LookupPromises,
    CallPromises,
    AccessPromises,
    ForeignPromises,
):
    """Every promise of the Store protocol; override `make_store`."""
