"""What an import and a first span take, over bare Python, in ms of wall time.

Each is a process of its own, and they take turns, each kind in a folder of its own. Modules were compiled before, as
they are where they are used, and the process ends at once: its end is no part of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Table, cell, environment, median
from benchmarks.ways import Drainer

__all__ = ["goals", "measure", "tables", "taken"]

FIRST = "import agenttrace\nwith agenttrace.tool_call('x'): pass\n"
OUTSIDE = "ours, process"
CODES = {
    "floor": "import opentelemetry.trace, orjson\n",
    "import": "import agenttrace\n",
    "ours": FIRST,
    OUTSIDE: f"import os\nos.environ['AGENTTRACE_WRITER'] = 'process'\n{FIRST}",
    "sdk": "import opentelemetry.sdk.trace as sdk\n"
    "with sdk.TracerProvider().get_tracer('x').start_as_current_span('x'): pass\n",
}
SAID = {
    "floor": "`import opentelemetry.trace, orjson`",
    "import": "`import agenttrace`",
    "ours": "`import agenttrace` and a first span",
    OUTSIDE: 'the same, `writer="process"`, its drainer there',
    "sdk": "OpenTelemetry SDK and a first span",
}
_ENDED = "import os, sys\nsys.stdout.flush()\nos._exit(0)\n"


def taken(
    codes: dict[str, str],
    count: int,
    *,
    python: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, list[float]]:
    """Return each code's times over that of its bare interpreter, in ms, the first round left out.

    `python` says which interpreter a code has, `more` what is added to the environment.
    """
    found: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as every, ExitStack() as ending:
        homes = {name: Path(every) / str(number) for number, name in enumerate(codes)}
        for home in homes.values():
            home.mkdir()
        if OUTSIDE in codes:
            path = homes[OUTSIDE] / "traces.db"
            ending.callback(Drainer(path, path.with_name(f"{path.name}.journal")).end)
        for number in range(count + 1):
            bare: dict[str, float] = {}
            for name, code in codes.items():
                command = (python or {}).get(name, sys.executable)
                if command not in bare:
                    bare[command] = _once(command, "", homes[name], more or {})
                took = _once(command, code, homes[name], more or {})
                if number:
                    found[name].append(took - bare[command])
    return found


def _once(command: str, code: str, home: Path, more: Mapping[str, str]) -> float:
    where = {**environment(), **more, "HOME": str(home), "AGENTTRACE_STORE": str(home / "traces.db")}
    started = time.perf_counter()
    ran = subprocess.run([command, "-c", code + _ENDED], env=where, cwd=home, capture_output=True, check=False)
    took = (time.perf_counter() - started) * 1000
    if ran.returncode:
        sys.exit(f"{code}\n{ran.stderr.decode()}")
    return took


def measure(*, quick: bool) -> dict[str, Any]:
    """Return what each import takes, round by round."""
    return {"ms": taken(CODES, 3 if quick else 15)}


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    rows = [[SAID[name], cell(values)] for name, values in found["ms"].items()]
    note = f"Wall time over bare Python; medians of {len(found['ms']['ours'])} processes each, and their range."
    return [Table("Import", ["", "ms"], rows, note)]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    middle = median(found["ms"]["ours"]) / median(found["ms"]["floor"])
    return [Goal("import and first span, to `import opentelemetry.trace, orjson`", [middle], 1.3)]
