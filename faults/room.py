"""The room of a fault: a folder, chance, programs to harm, and the comparison of what they told with what is found."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from faults.child import PATIENCE, Child, environment, script
from faults.found import Found, compare
from faults.tally import Tally
from faults.told import Told

__all__ = ["Room"]


class Room:
    """What a fault works with, once. Everything in it ends and goes when the fault has returned.

    `folder` is empty and the fault's own; `rng` is chance that can be repeated; `quick` says that the short form runs:
    be done within a few seconds. `times` is how often the harm is done in it, where that is more than once. `tally`
    takes what came of it; `check` fills it, `problem` and `note` add to it.
    """

    def __init__(self, folder: Path, rng: random.Random, tally: Tally, *, quick: bool) -> None:
        self.folder = folder
        self.rng = rng
        self.tally = tally
        self.quick = quick
        self.times = 1
        self._children: list[Child] = []

    def start(
        self,
        program: str | Sequence[str],
        *arguments: object,
        env: dict[str, str] | None = None,
        preexec: Callable[[], None] | None = None,
    ) -> Child:
        """Start a program in the folder: the text of a Python script, or a command. `env` is added to what there is.

        A script records with `from faults.traced import Traced, say`. It is killed at the latest when the fault ends.
        """
        name = f"child{len(self._children)}"
        command = script(self.folder, program, name) if isinstance(program, str) else list(program)
        child = Child([*command, *map(str, arguments)], self.folder, environment(env or {}), name=name, preexec=preexec)
        self._children.append(child)
        return child

    def read(self, store: str = "traces.db", **settings: Any) -> Found:
        """Return what a new process finds in the store, once it has adopted what dead ones left.

        `settings` are those of AgentTrace, and `patience`, the seconds that it waits for the adoption.
        """
        command = [sys.executable, "-m", "faults.reader", store, json.dumps(settings)]
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=environment({}),
            capture_output=True,
            timeout=4 * PATIENCE,
            check=False,
        )
        if ran.returncode:
            raise AssertionError(f"the reader failed: {ran.stderr.decode()[-3000:]}")
        return Found(**json.loads(ran.stdout))

    def told(self) -> Told:
        """Return what all programs of this room have said."""
        lines: list[str] = []
        for child in self._children:
            lines += child.lines()
        return Told.of(lines)

    def check(
        self,
        found: Found,
        *,
        in_flight: int = 0,
        content: bool = True,
        torn: int = 0,
        damaged: int = 0,
        dead_letters: int = 0,
    ) -> None:
        """Compare what all programs told with what was found, and add it to the tally.

        `in_flight` calls may have been under way when the harm came. `damaged` places in the journals were made
        unreadable, and up to `torn` more may be: a kill may tear the append that it interrupts, whose call has then not
        returned. `content=False` lets content have degraded. The journals of the dead must be gone.
        """
        told = self.told()
        self.expect(told.started, "no span was acknowledged")
        compare(told, found, self.tally, in_flight=in_flight, content=content)
        self.check_reader(found, torn=torn, damaged=damaged, dead_letters=dead_letters)

    def check_reader(self, found: Found, *, torn: int = 0, damaged: int = 0, dead_letters: int = 0) -> None:
        """Do of `check` what is about the reader and the journals, and not about spans."""
        stats = found.stats
        self.tally.damaged += stats["damaged"]
        if not found.settled:
            self.problem("the reader waited in vain for what the dead had left")
        if not damaged <= stats["damaged"] <= damaged + torn:
            self.problem(f"{stats['damaged']} damaged places, not {damaged} and up to {torn} more")
        if stats["dead_letters"] != dead_letters:
            self.problem(f"{stats['dead_letters']} dead letters, not {dead_letters}: {stats['last_error']}")
        for name in ("dropped", "internal_errors", "skipped"):
            if stats[name]:
                self.problem(f"the reader has {name} = {stats[name]}: {stats['last_error']}")
        if found.left and not dead_letters:
            self.problem(f"left in the journal folder: {found.left[:5]}")

    def problem(self, text: str) -> None:
        """Add something that is not as it should be: the fault has failed."""
        self.tally.problems.append(text)

    def expect(self, condition: object, text: str) -> None:
        """Add a problem unless this holds."""
        if not condition:
            self.problem(text)

    def note(self, text: str) -> None:
        """Add a figure or a remark, printed below the table; the same one only once."""
        if text not in self.tally.notes:
            self.tally.notes.append(text)

    def close(self) -> None:
        """End what is left of its programs, and delete the folder."""
        for child in self._children:
            child.close()
        shutil.rmtree(self.folder, ignore_errors=True)
