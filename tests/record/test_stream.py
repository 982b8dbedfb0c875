"""Stream: what a generator yielded becomes one output, within a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from agenttrace.record.makers import Makers
from agenttrace.record.stream import Stream
from tests.record.recording import Recording

OPENAI = [
    {"choices": [{"delta": {"role": "assistant", "content": None}}]},
    {"choices": [{"delta": {"content": "Hel"}}]},
    {"choices": [{"delta": {"content": "lo"}}]},
    {"choices": [], "usage": {"completion_tokens": 2}},
]
ANTHROPIC = [
    {"type": "message_start", "message": {"content": []}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "message_stop"},
]


def filled(chunks: list[Any], *, join: bool, limit: int = 1 << 20) -> Stream:
    """Make a stream of these chunks."""
    stream = Stream(limit, join=join)
    for chunk in chunks:
        stream.add(chunk)
    return stream


@pytest.mark.parametrize("join", [True, False])
def test_texts_are_joined(join: bool) -> None:
    """A stream of texts is one text."""
    assert filled(["Hel", "", "lo"], join=join).output() == "Hello"


@pytest.mark.parametrize("join", [True, False])
def test_other_values_are_a_list(join: bool) -> None:
    """Chunks without any text are kept as they are."""
    assert filled([1, None, {"x": 2}], join=join).output() == [1, None, {"x": 2}]
    assert filled([], join=join).output() == []


@pytest.mark.parametrize("chunks", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
def test_chunks_of_model_clients_are_joined_for_prompts_only(chunks: list[Any]) -> None:
    """With `join` the known shapes count as the text that they add; without, they are values."""
    assert filled(chunks, join=True).output() == "Hello"
    assert filled(chunks, join=False).output() == chunks


def test_a_stream_beyond_the_limit_says_how_much_is_missing() -> None:
    """Chunks beyond the limit are counted, not kept; the output shows it."""
    texts = filled(["x" * 100] * 50, join=False, limit=1000).output()
    assert texts.startswith("x" * 100)
    assert len(texts) < 1200
    assert texts.endswith("more chunks not kept)")
    values = filled([[1]] * 50, join=False, limit=1000).output()
    kept, note = values[:-1], values[-1]
    assert note == f"... ({50 - len(kept)} more chunks not kept)"
    assert 0 < len(kept) < 50


def test_a_stream_knows_whether_anything_came() -> None:
    """`empty` is True until the first chunk."""
    stream = Stream(100, join=True)
    assert stream.empty
    stream.add("")
    assert not stream.empty


@pytest.mark.parametrize("chunks", [OPENAI, ANTHROPIC, ["Hel", "lo"]], ids=["openai", "anthropic", "text"])
async def test_a_prompts_stream_is_its_response(make: Makers, recording: Recording, chunks: list[Any]) -> None:
    """A decorated generator that yields a model's chunks has the joined text as response, sync and async."""

    @make.prompt
    def ask() -> Iterator[Any]:
        yield from chunks

    @make.prompt
    async def ask_slowly() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    assert list(ask()) == chunks
    assert [chunk async for chunk in ask_slowly()] == chunks
    assert [run.content["llm_response"] for run in recording.runs()] == ["Hello", "Hello"]


async def test_the_first_chunk_gives_the_time_to_first_token(make: Makers, recording: Recording) -> None:
    """Seconds from the start of a prompt to its first chunk; later chunks do not change it."""

    @make.prompt
    def ask() -> Iterator[str]:
        recording.clock.advance(0.25)
        yield "a"
        recording.clock.advance(1)
        yield "b"

    @make.prompt(capture=False)
    async def ask_slowly() -> AsyncIterator[str]:
        recording.clock.advance(0.5)
        yield "a"
        recording.clock.advance(1)
        yield "b"

    list(ask())
    [chunk async for chunk in ask_slowly()]
    assert [run.content["time_to_first_token"] for run in recording.runs()] == [0.25, 0.5]


def test_only_prompts_have_a_first_token(make: Makers, recording: Recording) -> None:
    """A tool that streams has no time to first token; a prompt without a chunk has none either."""

    @make.tool_call
    def tool() -> Iterator[str]:
        yield "a"

    @make.prompt
    def ask() -> Iterator[str]:
        yield from ()

    list(tool())
    list(ask())
    assert not any("time_to_first_token" in run.content for run in recording.runs())


def test_a_clock_that_goes_back_makes_no_negative_time(make: Makers, recording: Recording) -> None:
    """The time to the first token is never below zero."""

    @make.prompt
    def ask() -> Iterator[str]:
        recording.clock.advance(-5)
        yield "a"

    list(ask())
    assert recording.run().content["time_to_first_token"] == 0


def test_a_long_stream_is_kept_up_to_the_content_bound(make: Makers, recording: Recording) -> None:
    """The consumer gets everything, the record what fits."""
    recording.capture_with(limit=5000)

    @make.prompt
    def ask() -> Iterator[str]:
        for _ in range(1000):
            yield "word " * 10

    assert len(list(ask())) == 1000
    run = recording.run()
    assert "more chunks not kept" in run.content["llm_response"]
    assert len(run.payload) <= 5500


def test_chunks_are_recorded_though_they_cannot_be_compared(make: Makers, recording: Recording) -> None:
    """Chunks of one's own classes, hostile ones too, do not disturb the stream."""

    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    recording.recorder.strict = False
    odd = Odd()

    @make.prompt
    def ask() -> Iterator[Any]:
        yield odd
        yield "text"

    assert list(ask()) == [odd, "text"]
    assert recording.run().status == "success"
