"""Do something that may hang, and wait for it so long and no longer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["done_within"]


def done_within(seconds: float, act: Callable[[], object]) -> bool:
    """Call `act` in a daemon thread of its own and return whether it came to an end in time; raise what it raised.

    What hangs is left alone: it goes on until it ends by itself, or the process does.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is raised again, where somebody waits
            raised.append(error)

    thread = threading.Thread(target=run, name="agenttrace-look", daemon=True)
    thread.start()
    thread.join(min(max(seconds, 0.0), threading.TIMEOUT_MAX))
    if thread.is_alive():
        return False
    if raised:
        raise raised[0]
    return True
