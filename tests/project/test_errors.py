"""The errors as other processes get them."""

from __future__ import annotations

import copy
import pickle

import pytest

from agenttrace import errors

ERRORS: list[errors.AgentTraceError] = [
    errors.InvalidQuery("page", "must be 1 or more")
    if name == "InvalidQuery"
    else getattr(errors, name)("what it says")
    for name in errors.__all__
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_says_the_same_when_it_was_pickled_or_copied(error: errors.AgentTraceError) -> None:
    """With its notes: a pool of processes hands it on so."""
    error.add_note("while a page was read")
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]  # noqa: S301
    for made in (*copies, copy.copy(error), copy.deepcopy(error)):
        assert type(made) is type(error)
        assert (str(made), made.args, vars(made)) == (str(error), error.args, vars(error))
