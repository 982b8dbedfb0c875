"""A process that writes conversations into a store, one prompt a batch; tests start it: PATH WHO TURNS.

It replaces the prompts of one span again and again, so that links are left behind, and says a line for each batch.
"""

from __future__ import annotations

import sys

from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of
from tests.store.links_support import prompt, prompt_content


def main(path: str, who: str, turns: int) -> None:
    """Write, and say so."""
    store = SQLiteStore(path)
    store.open()
    first = sum(map(ord, who)) * 1000
    for turn in range(turns):
        # A conversation that goes on, and a span whose history is another one each time.
        store.write(batch_of(prompt(first + turn, prompt_content(turn % 40, who))))
        store.write(batch_of(prompt(first + 999, prompt_content(turn % 5, f"{who}{turn}"), rev=turn)))
        sys.stdout.write(f"{turn}\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
