"""What `gate.look` says of a text: a sum of these."""

from __future__ import annotations

from typing import Final

__all__ = ["COLON", "EQUALS", "ESCAPE", "FORM", "QUOTED"]

FORM: Final = 1  # something has the form of a secret
QUOTED: Final = 2  # a name may stand in quotes
COLON: Final = 4  # a name may stand before a colon
EQUALS: Final = 8  # a name may stand before an equals sign
ESCAPE: Final = 16  # JSON may have to write a character in another way
