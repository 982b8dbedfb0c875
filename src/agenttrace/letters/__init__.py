"""Dead letters for those who look after a store: what was refused and why, to have written again or to discard.

`AgentTrace.letters` and the command `agenttrace letters` give `Letters`.
"""

from __future__ import annotations

from agenttrace.letters.box import Letters
from agenttrace.letters.letter import Letter, Retried, WholeLetter

__all__ = ["Letter", "Letters", "Retried", "WholeLetter"]
