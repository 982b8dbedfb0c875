"""What a fault is, and the list of all: a function that does its harm once, in a room of its own."""

from __future__ import annotations

import importlib
import pkgutil
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faults.room import Room
from faults.tally import Tally

__all__ = ["Fault", "Skipped", "all_faults", "fault"]


class Skipped(Exception):
    """Raised by a fault that cannot be tried here; its text says why."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: `harm(room)` tries it once and leaves in `room.tally` what came of it.

    `times` is how often the full form tries it, `quick` how often the short one does: 0 leaves it out.
    """

    name: str
    harm: Callable[[Room], None]
    times: int = 1
    quick: int = 1

    def tried(self, folder: Path, times: int, *, seed: int = 0, quick: bool = False) -> Tally:
        """Return what came of trying it so many times, each in a folder of its own below `folder`.

        An exception of the harm is a problem of the fault, and does not stop the others; no exception leaves this.
        """
        tally = Tally(self.name)
        for number in range(times):
            place = folder / f"{number}"
            place.mkdir(parents=True)
            room = Room(place, random.Random(f"{self.name} {seed} {number}"), tally, quick=quick)
            try:
                self.harm(room)
            except Skipped as reason:
                tally.skipped = str(reason)
                break
            except Exception:  # noqa: BLE001 - the table shows it, and the other faults have their turn
                tally.problems.append(traceback.format_exc())
            finally:
                tally.times += room.times
                room.close()
        return tally


_faults: dict[str, Fault] = {}


def fault(name: str, *, times: int = 1, quick: int = 1) -> Callable[[Callable[[Room], None]], Callable[[Room], None]]:
    """Register the decorated function as a fault of this name, which is what `--only` and the table know it by."""

    def register(harm: Callable[[Room], None]) -> Callable[[Room], None]:
        if name in _faults:
            raise ValueError(f"name: there is a fault called {name!r} already")
        _faults[name] = Fault(name=name, harm=harm, times=times, quick=quick)
        return harm

    return register


def all_faults() -> list[Fault]:
    """Return all faults, by module and then in the order in which they stand there."""
    package = importlib.import_module("faults.harm")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"faults.harm.{module.name}")
    return list(_faults.values())
