"""By what versions of one run compare: the ranks, and the one number that is made of them. Pure."""

from __future__ import annotations

from agenttrace.model.wire import RANK_ABANDONED, RANK_ALIVE, RANK_DERIVED, RANK_END, RANK_START

__all__ = ["RANK_ABANDONED", "RANK_ALIVE", "RANK_DERIVED", "RANK_END", "RANK_START", "rank_of", "version"]


_MAX_REVISION = (1 << 24) - 1


def version(rank: int, revision: int, digest: int) -> int:
    """Return the one integer by which versions of a run compare: rank, then revision, then content hash (32 bits).

    Of all versions of a run the greatest wins, so merging is commutative, associative and idempotent.

    >>> version(RANK_END, 0, 0) > version(RANK_ALIVE, 9, 9) > version(RANK_ABANDONED, 9, 9) > version(RANK_START, 9, 9)
    True
    """
    return (rank << 56) | (min(max(revision, 0), _MAX_REVISION) << 32) | (digest & 0xFFFFFFFF)


def rank_of(number: int) -> int:
    """Return the rank that a version was made with.

    >>> rank_of(version(RANK_END, 3, 7)) == RANK_END
    True
    """
    return number >> 56
