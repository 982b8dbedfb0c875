"""How the messages of the world's model APIs and frameworks are shaped: data, read by `otel.messages`.

The shapes are those of OpenAI (chat and responses), Anthropic, Gemini, Bedrock, LangChain, the Vercel AI SDK,
OpenInference's flattened messages, and the OpenTelemetry conventions' parts.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ARGUMENT_KEYS",
    "BLOCKS",
    "CALL_ID_KEYS",
    "CALL_PARTS",
    "CALL_TYPES",
    "CLASS_ROLES",
    "CONTAINERS",
    "CONTENT_KEYS",
    "DOCUMENT_LISTS",
    "DOCUMENT_TEXTS",
    "DOCUMENT_WRAPPERS",
    "ENVELOPES",
    "FUNCTION_ARGUMENTS",
    "FUNCTION_NAMES",
    "MESSAGE_KEYS",
    "NAME_KEYS",
    "OTHER_PART_TYPES",
    "QUERY_KEYS",
    "RESULT_KEYS",
    "RESULT_OBJECTS",
    "RESULT_PARTS",
    "RESULT_TYPES",
    "ROLES",
    "SCHEMA_KEYS",
    "SYSTEM_KEYS",
    "TASK_KEYS",
    "TEXT_KEYS",
    "TEXT_TYPES",
    "THINKING_KEYS",
    "THINKING_PARTS",
    "THINKING_ROLES",
    "THINKING_TYPES",
    "TOOL_LISTS",
    "TOOL_MESSAGE_KEYS",
    "TOOL_MESSAGE_TYPES",
]

#: Spellings of roles, in lower case and without a prefix such as "MessageRole.".
ROLES: Final = {
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "developer": "system",
    "function": "tool",
    "functionmessage": "tool",
    "human": "user",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "model": "assistant",
    "system": "system",
    "systemmessage": "system",
    "systemmessagechunk": "system",
    "tool": "tool",
    "tool-call": "assistant",
    "tool-response": "tool",
    "tool_call": "assistant",
    "tool_response": "tool",
    "toolmessage": "tool",
    "user": "user",
}

#: Values of "type" that name the sender of a whole message (LangChain).
CLASS_ROLES: Final = frozenset(
    {
        "ai",
        "aimessagechunk",
        "function",
        "human",
        "humanmessagechunk",
        "system",
        "tool",
    }
)

#: Where an object keeps the messages that it carries, most telling first.
CONTAINERS: Final = (
    "messages",
    "choices",
    "generations",
    "candidates",
    "output",
    "contents",
    "input",
    "message",
    "content",
    "prompt",
    "prompts",
    "outputs",
    "inputs",
    "response",
    "completion",
    "text",
)

#: Where such an object keeps its system prompt.
SYSTEM_KEYS: Final = ("system", "instructions", "system_instruction", "systemInstruction", "system_prompt")

#: The keys of a message that an event may hold as JSON.
MESSAGE_KEYS: Final = frozenset(
    {"content", "finish_reason", "id", "index", "name", "parts", "role", "tool_call_id", "tool_calls"}
)

CONTENT_KEYS: Final = ("content", "contents", "parts")

TEXT_TYPES: Final = frozenset({"text", "input_text", "output_text", "refusal", "summary_text"})
TEXT_KEYS: Final = ("text", "content", "value", "refusal")

THINKING_TYPES: Final = frozenset({"thinking", "reasoning", "reasoning_text", "reasoning_content", "thought"})
THINKING_KEYS: Final = ("thinking", "reasoning", "content", "text", "summary", "reasoningText", "reasoning_text")
#: Roles of messages that are reasoning.
THINKING_ROLES: Final = frozenset({"reasoning", "thinking", "thought"})
#: Keys of a message or part whose mere presence means reasoning.
THINKING_PARTS: Final = ("reasoningContent", "reasoning_content", "reasoning", "thinking", "thinking_blocks")

CALL_TYPES: Final = frozenset(
    {
        "custom_tool_call",
        "function",
        "function_call",
        "mcp_call",
        "server_tool_call",
        "server_tool_use",
        "tool-call",
        "tool_call",
        "tool_use",
    }
)
#: Keys of a part that hold a call.
CALL_PARTS: Final = ("toolUse", "functionCall", "function_call")

RESULT_TYPES: Final = frozenset(
    {
        "custom_tool_call_output",
        "function_call_output",
        "function_response",
        "server_tool_call_response",
        "tool-result",
        "tool_call_response",
        "tool_response",
        "tool_result",
    }
)
#: Keys of a part that hold a result.
RESULT_PARTS: Final = ("toolResult", "functionResponse", "function_response")

CALL_ID_KEYS: Final = ("tool_call_id", "toolCallId", "call_id", "tool_use_id", "toolUseId", "id")
NAME_KEYS: Final = ("name", "toolName", "tool_name")
ARGUMENT_KEYS: Final = ("arguments", "args", "input", "server_tool_call", "kwargs", "parameters")
RESULT_KEYS: Final = ("response", "result", "output", "content", "server_tool_call_response")

#: The single function call of a message, flattened.
FUNCTION_NAMES: Final = ("function_call_name",)
FUNCTION_ARGUMENTS: Final = ("function_call_arguments_json",)

#: Values of "type" of parts that are kept as they are.
OTHER_PART_TYPES: Final = frozenset(
    {
        "audio",
        "blob",
        "compaction",
        "document",
        "file",
        "image",
        "image-url",
        "image_url",
        "input_audio",
        "input_file",
        "input_image",
        "redacted_thinking",
        "uri",
        "video",
    }
)

#: The keys of Bedrock's content blocks, each of which has one of them.
BLOCKS: Final = frozenset(
    {"cachePoint", "document", "image", "json", "reasoningContent", "text", "toolResult", "toolUse"}
)

#: Objects around a call's arguments or result: all their keys, and the key of what is meant. The most keys first.
ENVELOPES: Final = (
    (frozenset({"input_str", "tags", "metadata", "inputs", "kwargs"}), ("inputs", "input_str")),
    (frozenset({"inputs", "tags", "metadata", "kwargs"}), ("inputs",)),
    (frozenset({"query", "tags", "metadata", "kwargs"}), ("query",)),
    (frozenset({"args", "sanitize_inputs_outputs", "kwargs"}), ("kwargs", "args")),
    (frozenset({"args", "kwargs"}), ("kwargs", "args")),
    (frozenset({"outputs", "kwargs"}), ("outputs",)),
    (frozenset({"output", "kwargs"}), ("output",)),
    (frozenset({"kwargs"}), ("kwargs",)),
)

#: Objects that describe a result besides holding it: the keys by which they are known, those that may stand beside
#: them, and where the result stands. One with any other key is a result of the user's own.
RESULT_OBJECTS: Final = (
    (
        frozenset({"tool_name", "raw_output"}),
        frozenset({"blocks", "content", "exception", "is_error", "raw_input"}),
        "raw_output",
    ),
    (frozenset({"raw", "tasks_output"}), frozenset({"json_dict", "pydantic", "token_usage"}), "raw"),
    (frozenset({"response", "sources", "metadata"}), frozenset({"is_dummy_stream", "source_nodes"}), "response"),
    (frozenset({"response", "source_nodes"}), frozenset({"metadata"}), "response"),
)

#: Keys of a request to an agent that are its whole sense, whatever options stand beside them.
TASK_KEYS: Final = ("task", "user_msg", "user_message", "user_input")

#: Values of "type" of the message that a tool returns.
TOOL_MESSAGE_TYPES: Final = ("tool", "ToolMessage", "constructor")

#: The keys of such a message. An object with any other is a result of the user's own.
TOOL_MESSAGE_KEYS: Final = frozenset(
    {
        "additional_kwargs",
        "artifact",
        "content",
        "data",
        "id",
        "kwargs",
        "lc",
        "name",
        "response_metadata",
        "role",
        "status",
        "tool_call_id",
        "type",
    }
)

#: Where an object keeps documents, what is around one, and where its text stands.
DOCUMENT_LISTS: Final = ("documents", "docs", "results", "source_nodes", "nodes")
DOCUMENT_WRAPPERS: Final = ("document", "kwargs", "node")
DOCUMENT_TEXTS: Final = ("content", "page_content", "text", "document")

#: Where the text of a retrieval's query stands.
QUERY_KEYS: Final = (
    "query",
    "query_str",
    "str_or_query_bundle",
    "query_bundle",
    "input",
    "question",
    "text",
    "input_str",
    "inputs",
    "kwargs",
)

#: Where an object keeps a list of tools.
TOOL_LISTS: Final = ("tools", "functions", "function_tools", "function_declarations", "functionDeclarations")

#: Keys under which a definition of a tool is wrapped.
SCHEMA_KEYS: Final = ("function", "toolSpec", "tool", "json_schema", "definition")
