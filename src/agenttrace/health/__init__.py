"""How agenttrace is: journals, store and process, what needs attention and what to do. Looks, and changes nothing.

`agenttrace.doctor()` and the command `agenttrace doctor` give the `Report`.
"""

from __future__ import annotations

from agenttrace.health.report import Finding, LettersStored, ProcessSeen, Report, SelfSeen, StoreSeen
from agenttrace.journal.drainerseen import DrainerSeen
from agenttrace.journal.inspect import JournalSeen, RootSeen
from agenttrace.journal.letterbox import LettersSeen
from agenttrace.journal.rights import Exposed

__all__ = [
    "DrainerSeen",
    "Exposed",
    "Finding",
    "JournalSeen",
    "LettersSeen",
    "LettersStored",
    "ProcessSeen",
    "Report",
    "RootSeen",
    "SelfSeen",
    "StoreSeen",
]
