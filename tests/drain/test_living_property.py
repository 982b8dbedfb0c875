"""Whatever the order of appending, reading, forgetting and wiping: what was appended is read, once and in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.journal.living import LivingJournal
from tests.drain.test_living import Process
from tests.journal.journal_support import record

APPEND = st.tuples(st.just("append"), st.sampled_from([0, 10, 500, 3_000, 30_000, 150_000]))
STEP = st.one_of(
    APPEND,
    APPEND,
    st.tuples(
        st.sampled_from(["read", "read without commit", "another reader", "wipe", "renew", "refresh"]), st.just(0)
    ),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=40))
def test_what_is_appended_is_read_in_order(steps: list[tuple[str, int]]) -> None:
    """Readers come and go, segments fill, what is stored is overwritten."""
    with tempfile.TemporaryDirectory() as folder:
        process = Process(Path(folder) / "journal", max_bytes=1 << 28)
        reader = LivingJournal(process.folder, process.settings)
        appended: list[bytes] = []
        found: list[bytes] = []
        for step, size in [*steps, *[("read", 0)] * (len(steps) + 2)]:
            if step == "append":
                appended.append(record(len(appended), content="x" * size))
                process.append(appended[-1])
            elif step.startswith("read"):
                chunk = reader.read()
                if chunk is not None and step == "read":
                    assert chunk.damaged == 0
                    found += [payload for _, payload in chunk.records]
                    reader.commit(chunk.offset)
            elif step == "another reader":
                reader.close()
                reader = LivingJournal(process.folder, process.settings)
            elif step == "wipe":
                reader.wipe()
            elif step == "renew":
                process.journal.renew()
            else:
                process.journal.refresh()
            assert found == appended[: len(found)]
        assert found == appended
        assert process.journal.is_drained()
        assert process.journal.backlog() == 0
        reader.close()
        process.journal.forget()
        assert process.problems == []
