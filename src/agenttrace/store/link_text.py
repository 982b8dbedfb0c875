"""The SQL of links (`store.links`), in what SQLite and PostgreSQL have in common. Text only: nothing runs here."""

from __future__ import annotations

__all__ = ["AFTER", "ALL_AFTER", "CHAINS", "FORGET", "INDEXES", "KNOWN", "LOOK", "PUT", "UNUSED"]

PUT = """INSERT INTO link (workspace_id, hash, kind, previous, data, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""

#: Continued by the condition on workspace and hashes.
KNOWN = "SELECT hash FROM link"

#: Parameters: workspace_id, hashes, workspace_id twice. `{hashes}` are marks. The texts are joined last: what recurs is
#: short. A link that several of the hashes lead to comes once.
CHAINS = """WITH RECURSIVE chain (hash, previous) AS (
  SELECT hash, previous FROM link WHERE workspace_id = ? AND hash IN ({hashes})
  UNION
  SELECT above.hash, above.previous FROM chain JOIN link AS above
  ON above.workspace_id = ? AND above.hash = chain.previous
) SELECT link.workspace_id, link.hash, link.kind, link.previous, link.data
FROM chain JOIN link ON link.workspace_id = ? AND link.hash = chain.hash"""

#: That nothing leads to a link. A hash is keyed with its workspace, so the indexes, which are named where that is
#: necessary, need not tell workspaces apart. What the index of hashes does not say is asked last.
_UNUSED = """NOT EXISTS (SELECT 1 FROM link AS later{link_previous} WHERE later.previous = link.hash)
AND NOT EXISTS (SELECT 1 FROM run{run_history_link} WHERE run.history_link = link.hash)
AND NOT EXISTS (SELECT 1 FROM run{run_context_link} WHERE run.context_link = link.hash)
AND link.created_at <= ?"""

#: Continued by ALL_AFTER or AFTER. Parameters: created_at, workspace_id, hash, limit.
LOOK = f"""SELECT workspace_id, hash, CASE WHEN {_UNUSED} THEN 1 ELSE 0 END FROM link"""  # noqa: S608

#: The links that come after one, of every workspace, and of one.
ALL_AFTER = " WHERE (workspace_id, hash) > (?, ?) ORDER BY workspace_id, hash LIMIT ?"
AFTER = " WHERE workspace_id = ? AND hash > ? ORDER BY hash LIMIT ?"

#: Parameters: workspace_id, hashes, created_at.
UNUSED = f"SELECT hash, previous FROM link WHERE workspace_id = ? AND hash IN ({{hashes}}) AND {_UNUSED}"  # noqa: S608

#: Parameters: workspace_id, hashes.
FORGET = "DELETE FROM link WHERE workspace_id = ? AND hash IN ({hashes})"

#: The indexes that these statements name.
INDEXES = ("link_previous", "run_history_link", "run_context_link")
