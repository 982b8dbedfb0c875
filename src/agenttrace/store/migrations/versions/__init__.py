"""One module a version: `revision`, `down_revision`, and `upgrade(op)`, which is given Alembic's operations.

A module says all it needs: it never reads `store.tables`, which later versions change.
"""
