"""Make spans: capture, redact, and append to the journal. Knows no store, no HTTP and no pydantic."""
