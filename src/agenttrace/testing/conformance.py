"""What every store owes, as a pytest suite: subclass it, say how your store is made, and run it.

    from agenttrace.testing.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        processes = True
        faults = False

        def make_store(self, tmp_path, clock):
            return MyStore(tmp_path, clock=clock)

Needs pytest. The promises are those of `agenttrace.store.promises`; a test that fails names the ones that it proves.
"""

from __future__ import annotations

from agenttrace.testing.suite.access import AccessPromises
from agenttrace.testing.suite.beats import BeatPromises
from agenttrace.testing.suite.calls import CallPromises
from agenttrace.testing.suite.columns import ColumnPromises
from agenttrace.testing.suite.filters import FilterPromises
from agenttrace.testing.suite.foreign import ForeignPromises
from agenttrace.testing.suite.letters import LetterPromises
from agenttrace.testing.suite.links import LinkPromises
from agenttrace.testing.suite.lookups import LookupPromises
from agenttrace.testing.suite.merging import MergePromises
from agenttrace.testing.suite.paging import PagingPromises
from agenttrace.testing.suite.processes import ProcessPromises
from agenttrace.testing.suite.purges import PurgePromises
from agenttrace.testing.suite.resets import ResetPromises
from agenttrace.testing.suite.tenants import TenantPromises
from agenttrace.testing.suite.trees import TreePromises
from agenttrace.testing.suite.values import ValuePromises
from agenttrace.testing.suite.views import ViewPromises
from agenttrace.testing.suite.writing import WritePromises

__all__ = ["StoreConformance"]


class StoreConformance(
    ColumnPromises,
    ValuePromises,
    WritePromises,
    MergePromises,
    TreePromises,
    ResetPromises,
    FilterPromises,
    PagingPromises,
    ViewPromises,
    LookupPromises,
    CallPromises,
    AccessPromises,
    ForeignPromises,
    TenantPromises,
    BeatPromises,
    LetterPromises,
    LinkPromises,
    PurgePromises,
    ProcessPromises,
):
    """Every promise of the Store protocol; override `make_store`, and say `processes` and `faults`.

    `processes = True`: several processes may have a store on the same data open. `faults = True`: `fail_at` is
    overridden and makes a write fail in the middle. What is False is reported as an expected failure that names the
    promise which is not proved; what is not said fails.
    """
