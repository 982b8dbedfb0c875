"""For tests of programs that use agenttrace, and of stores that plug into it.

A fixed clock and counted ids, `capture()` for what a block records, `StoreConformance` for stores
(`agenttrace.testing.conformance`, which needs pytest), and a pytest plugin (`agenttrace.testing.plugin`).
"""

from agenttrace.testing.capture import capture
from agenttrace.testing.clock import CountedIds, FixedClock

__all__ = ["CountedIds", "FixedClock", "capture"]
