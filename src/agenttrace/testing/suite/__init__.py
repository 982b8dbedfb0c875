"""The conformance suite of stores, a file a subject; `agenttrace.testing.conformance` puts it together."""
