"""The faults, in their short form: nothing that was acknowledged is lost, twice or in the wrong place."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.fault import Fault, all_faults

SHORT = [fault for fault in all_faults() if fault.quick]


@pytest.mark.parametrize("fault", SHORT, ids=[fault.name for fault in SHORT])
def test_nothing_is_lost(fault: Fault, tmp_path: Path) -> None:
    """What a fault did not harm is there once and in its place, and the traced program saw no exception."""
    tally = fault.tried(tmp_path / "fault", fault.quick, quick=True)
    if tally.skipped is not None:
        pytest.skip(tally.skipped)
    assert tally.problems == []
    assert not tally.failed
