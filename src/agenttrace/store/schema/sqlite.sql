-- The tables of agenttrace in SQLite, schema version 2.
-- Generated from store/tables.py by `python -m agenttrace.store.tables`.

CREATE TABLE run (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The run's UUID (RFC 9562 version 8), computed from trace_id and span_id.
	id BLOB NOT NULL,
	-- W3C trace id, 16 bytes.
	trace_id BLOB NOT NULL,
	-- W3C span id, 8 bytes.
	span_id BLOB NOT NULL,
	-- The run's UUID of the parent span, whether that is stored or not.
	parent_id BLOB,
	-- No parent, or a parent that is not stored (yet).
	is_root BOOLEAN NOT NULL,
	-- master, tool_call, context, prompt, predefined_behaviour or another word.
	run_type TEXT NOT NULL,
	-- What was called.
	name TEXT NOT NULL,
	-- pending, running, success or failed.
	status TEXT NOT NULL,
	-- Start.
	start_time INTEGER NOT NULL,
	-- End; NULL while the run is open.
	end_time INTEGER,
	-- Of two versions of a run the greater one stays: rank, revision, content hash.
	version INTEGER NOT NULL,
	-- The recording process while the run is running.
	process_id BLOB,
	-- Start of the root of this run's turn, as far as the recording process knew.
	turn_time INTEGER NOT NULL,
	-- Sequence number of the start within its process.
	seq INTEGER NOT NULL,
	-- Sequence number of the end within its process.
	end_seq INTEGER,
	-- The agent, agt_...
	agent_key TEXT,
	-- The session.
	session_id BLOB,
	-- The conversation.
	conversation_id BLOB,
	-- The telephone call.
	call_sid TEXT,
	-- The AI contact.
	ai_contact_id BLOB,
	-- The user.
	user_id TEXT,
	-- The user's team.
	team_id TEXT,
	-- Of a prompt: its type.
	prompt_type TEXT,
	-- Of a prompt: the state it belongs to.
	state_name TEXT,
	-- The attribute of this name, repeated.
	interaction_type TEXT,
	-- The attribute of this name, repeated.
	widget_id TEXT,
	-- The attribute of this name, repeated.
	placement_id TEXT,
	-- The attribute of this name, repeated.
	deployment_type TEXT,
	-- The instrumentation that recorded the run.
	source TEXT NOT NULL,
	-- The provider of the model.
	source_system TEXT,
	-- The service that recorded the run.
	service_id BLOB,
	-- When the stored version was received.
	ingested_at INTEGER NOT NULL,
	-- JSON: where ids come from that this version did not know itself (0: spread from the root).
	learnt TEXT,
	-- Span id of the foreign span right above the run, where that is not its parent run.
	via BLOB,
	-- Of a prompt: the link of its last message, where the content says @link for its history.
	history_link BLOB,
	-- Of a prompt: the link where its system prompt and tools are, where the content says @link for them.
	context_link BLOB,
	-- JSON object by run type.
	content TEXT,
	-- JSON object of type, message and stack.
	error TEXT,
	-- JSON object of free attributes.
	attributes TEXT,
	PRIMARY KEY (workspace_id, id)
);

CREATE INDEX run_context_link ON run (context_link) WHERE context_link IS NOT NULL;

CREATE INDEX run_history_link ON run (history_link) WHERE history_link IS NOT NULL;

CREATE INDEX run_interaction ON run (workspace_id, start_time, id DESC, interaction_type, run_type, widget_id, placement_id, deployment_type) WHERE interaction_type IS NOT NULL;

CREATE INDEX run_open ON run (process_id) WHERE status = 'running';

CREATE INDEX run_orphan ON run (workspace_id, parent_id) WHERE is_root AND parent_id IS NOT NULL;

CREATE INDEX run_prompt_call ON run (workspace_id, call_sid, start_time, id DESC) WHERE run_type = 'prompt' AND call_sid IS NOT NULL;

CREATE INDEX run_prompt_conversation ON run (workspace_id, conversation_id, start_time, id DESC) WHERE run_type = 'prompt' AND conversation_id IS NOT NULL;

CREATE INDEX run_prompt_session ON run (workspace_id, session_id, start_time, id DESC) WHERE run_type = 'prompt' AND session_id IS NOT NULL;

CREATE INDEX run_prompt_time ON run (workspace_id, start_time, id DESC) WHERE run_type = 'prompt';

CREATE INDEX run_root_contact ON run (workspace_id, ai_contact_id, start_time, id DESC) WHERE is_root;

CREATE INDEX run_time ON run (workspace_id, start_time, id DESC);

CREATE TABLE link (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- BLAKE2b of previous, kind and data, keyed with the workspace, 20 bytes.
	hash BLOB NOT NULL,
	-- The content key that it is of: history (one message of it), system_prompt or tool_names.
	kind TEXT NOT NULL,
	-- The link of the message before; NULL for the first.
	previous BLOB,
	-- When it was stored.
	created_at INTEGER NOT NULL,
	-- JSON, byte for byte as it stood in the content.
	data TEXT NOT NULL,
	PRIMARY KEY (workspace_id, hash)
);

CREATE INDEX link_previous ON link (previous) WHERE previous IS NOT NULL;

CREATE TABLE span (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- W3C trace id, 16 bytes.
	trace_id BLOB NOT NULL,
	-- W3C span id, 8 bytes.
	span_id BLOB NOT NULL,
	-- An end is greater than a start, and then a content hash decides.
	version INTEGER NOT NULL,
	-- The recording process of a version without an end.
	process_id BLOB,
	-- Start.
	start_time INTEGER NOT NULL,
	-- End; NULL where this version is of an open span.
	end_time INTEGER,
	-- JSON object: name, parent, status, resource, attributes, events and what else was received.
	data TEXT NOT NULL,
	PRIMARY KEY (workspace_id, trace_id, span_id, version)
);

CREATE INDEX span_open ON span (process_id) WHERE process_id IS NOT NULL;

CREATE INDEX span_time ON span (workspace_id, start_time);

CREATE TABLE log (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- W3C trace id, 16 bytes.
	trace_id BLOB NOT NULL,
	-- A digest of the record, so that the same one is kept once.
	id BLOB NOT NULL,
	-- W3C span id, 8 bytes.
	span_id BLOB NOT NULL,
	-- When it was written.
	time INTEGER NOT NULL,
	-- JSON object: name, severity, body and attributes.
	data TEXT NOT NULL,
	PRIMARY KEY (workspace_id, trace_id, id)
);

CREATE INDEX log_time ON log (workspace_id, time);

CREATE TABLE event (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- aev_...; ids sort by time, then process sequence.
	id TEXT NOT NULL,
	-- The session; NULL shows nowhere.
	session_id BLOB,
	-- The run.
	run_id BLOB NOT NULL,
	-- input_message, thinking, tool_input, tool_output, agent_output or log.
	type TEXT NOT NULL,
	-- When it happened.
	created_at INTEGER NOT NULL,
	-- Start of its turn's root: decides whether a session reset concerns it.
	turn_time INTEGER NOT NULL,
	-- Kept, but shown no more since its session was reset.
	hidden BOOLEAN NOT NULL,
	-- JSON object; NULL where the run's content is the event's.
	data TEXT,
	PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

CREATE INDEX event_hidden ON event (workspace_id, session_id) WHERE hidden;

CREATE INDEX event_session ON event (workspace_id, session_id, id, type, hidden) WHERE NOT hidden AND session_id IS NOT NULL;

CREATE INDEX event_sessionless ON event (workspace_id, run_id) WHERE session_id IS NULL;

CREATE TABLE session (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The session's UUID.
	id BLOB NOT NULL,
	-- The session's key, ase_...
	"key" TEXT NOT NULL,
	-- The first agent that took part; session_agent has all.
	agent_key TEXT,
	-- Its owner.
	user_id TEXT,
	-- Its owner's team.
	team_id TEXT,
	-- The conversation.
	conversation_id BLOB,
	-- The telephone call.
	call_sid TEXT,
	-- Start of the first run that named it, or its registration.
	created_at INTEGER NOT NULL,
	-- Its last message since the last reset.
	last_message_at INTEGER,
	-- Its last reset.
	reset_at INTEGER,
	PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

CREATE INDEX session_owner ON session (workspace_id, user_id, team_id);

CREATE INDEX session_time ON session (workspace_id, created_at, id DESC);

CREATE TABLE agent (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- agt_...
	"key" TEXT NOT NULL,
	-- Its registered display name.
	name TEXT,
	-- When that was registered.
	named_at INTEGER NOT NULL,
	PRIMARY KEY (workspace_id, "key")
) WITHOUT ROWID;

CREATE TABLE session_agent (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The session.
	session_id BLOB NOT NULL,
	-- The agent.
	agent_key TEXT NOT NULL,
	PRIMARY KEY (workspace_id, session_id, agent_key)
) WITHOUT ROWID;

CREATE TABLE contact (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The AI contact.
	id BLOB NOT NULL,
	PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

CREATE TABLE conversation (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The conversation.
	id BLOB NOT NULL,
	-- The telephone call.
	call_sid TEXT,
	-- The session.
	session_id BLOB,
	PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

CREATE TABLE process (
	-- The id of its journal; run.process_id of its running runs.
	id BLOB NOT NULL,
	-- The host's name.
	host TEXT NOT NULL,
	-- Which boot of the host, where that is known.
	boot_id TEXT NOT NULL,
	-- The process id, as the process itself sees it.
	pid INTEGER NOT NULL,
	-- When its journal was made.
	started_at INTEGER NOT NULL,
	-- Its last heartbeat, by its own clock.
	seen_at INTEGER NOT NULL,
	PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE TABLE dead_letter (
	-- A digest of process, kind and payload: the same record is kept once.
	id BLOB NOT NULL,
	-- The tenant; NULL where the record does not tell.
	workspace_id BLOB,
	-- When it was set aside.
	time INTEGER NOT NULL,
	-- The kind of record: 1 run, 2 event, 3 entity, 4 span, 5 log, 6 audit, 7 key used.
	kind INTEGER NOT NULL,
	-- The process that recorded it.
	process_id BLOB NOT NULL,
	-- Why it was refused.
	error TEXT NOT NULL,
	-- The record as it stood in the journal.
	payload BLOB NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX dead_letter_time ON dead_letter (time, id);

CREATE TABLE api_key (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- The public part of the key's text, agtk_ID_SECRET.
	id TEXT NOT NULL,
	-- BLAKE2b of the secret, keyed with the id, 32 bytes.
	hash BLOB NOT NULL,
	-- What its maker called it.
	name TEXT NOT NULL,
	-- The user it speaks for.
	user_id TEXT,
	-- JSON list of the teams of which that user is a member.
	team_ids TEXT NOT NULL,
	-- member, admin, owner or su.
	role TEXT NOT NULL,
	-- JSON list of read, ingest, manage.
	scopes TEXT NOT NULL,
	-- When it was made.
	created_at INTEGER NOT NULL,
	-- When it ends by itself.
	expires_at INTEGER,
	-- When it was revoked.
	revoked_at INTEGER,
	-- Its last use, to the minute.
	last_used_at INTEGER,
	PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE INDEX api_key_time ON api_key (workspace_id, created_at, id DESC);

CREATE TABLE audit (
	-- The tenant.
	workspace_id BLOB NOT NULL,
	-- UUID of version 7: ids sort by created_at.
	id BLOB NOT NULL,
	-- When it was answered.
	created_at INTEGER NOT NULL,
	-- What was done, as prompt_logs.queried or sessions.reset.
	action TEXT NOT NULL,
	-- Who asked.
	user_id TEXT,
	-- With which API key.
	key_id TEXT,
	-- In which role.
	role TEXT,
	-- JSON object of what was asked for, secrets redacted.
	filters TEXT NOT NULL,
	-- How many rows were answered.
	row_count INTEGER NOT NULL,
	-- The HTTP status of the answer.
	status INTEGER,
	-- The id of the request, as in the logs.
	request_id TEXT,
	PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

CREATE INDEX audit_action ON audit (workspace_id, action, id);

CREATE INDEX audit_user ON audit (workspace_id, user_id, id);
