"""Read a store in a process of its own: `python -m faults.reader STORE [SETTINGS AS JSON]` writes what it finds.

It records nothing. Its first query adopts the journals of processes that died. One JSON object: `runs`, `stats`, and
`left`, what remains in the journal folder but a drainer's own files.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agenttrace import AgentTrace

__all__ = ["main"]

PATIENCE = 120.0


def main(store: str, settings: dict[str, Any]) -> None:
    """Write to stdout what a new process finds."""
    patience = settings.pop("patience", PATIENCE)
    with AgentTrace(store=store, **settings) as trace:
        settled = trace.flush(patience)
        runs = [
            {
                "id": run.id,
                "trace": run.trace_id,
                "parent": run.parent_id,
                "type": run.run_type,
                "name": run.name,
                "status": run.status,
                "content": run.content,
                "error": run.error,
                "attributes": run.attributes,
                "ended": run.end_time is not None and run.end_time >= run.start_time,
            }
            for run in trace.query.runs()
        ]
        stats = asdict(trace.stats())
    root = Path(settings.get("journal_dir", store + ".journal"))
    paths = [path for path in root.rglob("*") if not path.name.startswith("drain.")] if root.is_dir() else []
    left = sorted(str(path.relative_to(root)) for path in paths)
    print(json.dumps({"settled": settled, "runs": runs, "stats": stats, "left": left}))  # at once: there may be 200,000


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
