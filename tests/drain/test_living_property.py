"""Whatever the order of appending, reading, forgetting and wiping: what was appended is read, once and in order."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agenttrace.journal.living import LivingJournal
from tests.drain.test_living import Process, in_pieces, read_all
from tests.journal.journal_support import RUN, record

APPEND = st.tuples(st.just("append"), st.sampled_from([0, 10, 500, 3_000, 30_000, 150_000]))
STEP = st.one_of(
    APPEND,
    APPEND,
    st.tuples(st.sampled_from(["start", "start", "end", "say", "say"]), st.integers(0, 3_000)),
    st.tuples(
        st.sampled_from(["read", "read without commit", "another reader", "claim", "wipe", "renew", "refresh"]),
        st.just(0),
    ),
)
SAID = b"".join(b"word %d " % number for number in range(700))


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=40))
@example([("append", 0), ("start", 100), ("read", 0), ("claim", 0), ("wipe", 0), ("end", 0), ("append", 9)])
@example([("say", 2999), ("read", 0), ("claim", 0), ("say", 2999), ("wipe", 0), ("say", 2999), ("say", 2500)])
@example([("say", 2999), ("read", 0), ("say", 2999), ("claim", 0), ("wipe", 0), ("say", 2999), ("say", 2500)])
@example(
    [("append", 0), *[("start", 300)] * 9, *[("read", 0), ("claim", 0), ("append", 500), ("end", 4), ("wipe", 0)] * 9]
)
def test_what_is_appended_is_read_in_order(steps: list[tuple[str, int]]) -> None:
    """Readers come and go, segments fill, what is stored is overwritten; records may be echoes of others."""
    with tempfile.TemporaryDirectory() as folder:
        process = Process(Path(folder) / "journal", max_bytes=1 << 28)
        reader = LivingJournal(process.folder, process.settings)
        appended: list[bytes] = []
        found: list[bytes] = []
        begun: list[tuple[Any, int, tuple[bytes, ...]]] = []
        claimed: tuple[int, int] | None = None
        for step, size in [*steps, *[("read", 0)] * (len(steps) + 2)]:
            if step == "append":
                appended.append(record(len(appended), content="x" * size))
                process.append(appended[-1])
            elif step == "start":
                pieces = in_pieces(record(len(appended), content="y" * size, running=True))
                begun.append((process.tail.append_parts(RUN, *pieces), len(appended), pieces))
                appended.append(b"".join(pieces))
            elif step == "end" and begun:
                place, number, said = begun.pop(size % len(begun))
                end = in_pieces(record(number))[1]
                pieces = (said[0], end, *said[2:], b',"output":', b'"z"')
                append_again = getattr(process.tail, "append_again", lambda _place, _count, *parts: parts)
                if append_again(place, 2, RUN, *pieces):  # there is none in Python
                    process.tail.append_parts(RUN, *pieces)
                appended.append(b"".join(pieces))
            elif step == "end":
                pass
            elif step == "say":
                *head, name, _ = in_pieces(record(len(appended)))
                pieces = (*head, name, b'"%b"' % SAID[:size])
                process.tail.append_parts(RUN, *pieces)
                appended.append(b"".join(pieces))
            elif step.startswith("read"):
                chunk = reader.read()
                if chunk is not None and step != "read without commit":
                    assert chunk.damaged == 0
                    found += [payload for _, payload in chunk.records]
                    reader.commit(chunk.offset)
            elif step == "another reader":
                reader.close()
                reader, claimed = LivingJournal(process.folder, process.settings), None
            elif step == "claim":
                claimed = reader.claim()
            elif step == "wipe":
                found += read_all(reader)
                reader.wipe(claimed)
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
