"""From the tables of an older version to those of this one, with Alembic; only SQL stores have such versions."""
