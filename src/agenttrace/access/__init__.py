"""Who may read, and what was read: API keys, and the records of the audit log. Knows no HTTP and no database."""
