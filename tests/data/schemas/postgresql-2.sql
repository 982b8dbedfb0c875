-- The tables of agenttrace in PostgreSQL, schema version 2.
-- Generated from store/tables.py by `python -m agenttrace.store.tables`.

CREATE TABLE run (
	workspace_id UUID NOT NULL,
	id UUID NOT NULL,
	trace_id BYTEA NOT NULL,
	span_id BYTEA NOT NULL,
	parent_id UUID,
	is_root BOOLEAN NOT NULL,
	run_type TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	start_time TIMESTAMP WITH TIME ZONE NOT NULL,
	end_time TIMESTAMP WITH TIME ZONE,
	version BIGINT NOT NULL,
	process_id UUID,
	turn_time TIMESTAMP WITH TIME ZONE NOT NULL,
	seq BIGINT NOT NULL,
	end_seq BIGINT,
	agent_key TEXT COLLATE "C",
	session_id UUID,
	conversation_id UUID,
	call_sid TEXT COLLATE "C",
	ai_contact_id UUID,
	user_id TEXT COLLATE "C",
	team_id TEXT COLLATE "C",
	prompt_type TEXT COLLATE "C",
	state_name TEXT COLLATE "C",
	interaction_type TEXT COLLATE "C",
	widget_id TEXT COLLATE "C",
	placement_id TEXT COLLATE "C",
	deployment_type TEXT COLLATE "C",
	source TEXT COLLATE "C" NOT NULL,
	source_system TEXT COLLATE "C",
	service_id UUID,
	ingested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	learnt TEXT COLLATE "C",
	via BYTEA,
	history_link BYTEA,
	context_link BYTEA,
	content TEXT COLLATE "C",
	error TEXT COLLATE "C",
	attributes TEXT COLLATE "C",
	PRIMARY KEY (workspace_id, start_time, id)
)
 PARTITION BY RANGE (start_time);
CREATE INDEX run_context_link ON run (context_link) WHERE context_link IS NOT NULL;
CREATE INDEX run_history_link ON run (history_link) WHERE history_link IS NOT NULL;
CREATE INDEX run_id ON run (workspace_id, id);
CREATE INDEX run_interaction ON run (workspace_id, start_time, id DESC, interaction_type, run_type, widget_id, placement_id, deployment_type) WHERE interaction_type IS NOT NULL;
CREATE INDEX run_open ON run (process_id) WHERE status = 'running';
CREATE INDEX run_orphan ON run (workspace_id, parent_id) WHERE is_root AND parent_id IS NOT NULL;
CREATE INDEX run_prompt_call ON run (workspace_id, left(call_sid, 100), start_time, id DESC) WHERE run_type = 'prompt' AND call_sid IS NOT NULL;
CREATE INDEX run_prompt_conversation ON run (workspace_id, conversation_id, start_time, id DESC) WHERE run_type = 'prompt' AND conversation_id IS NOT NULL;
CREATE INDEX run_prompt_session ON run (workspace_id, session_id, start_time, id DESC) WHERE run_type = 'prompt' AND session_id IS NOT NULL;
CREATE INDEX run_prompt_time ON run (workspace_id, start_time, id DESC) WHERE run_type = 'prompt';
CREATE INDEX run_root_contact ON run (workspace_id, ai_contact_id, start_time, id DESC) WHERE is_root;
CREATE INDEX run_time ON run (workspace_id, start_time, id DESC);
COMMENT ON COLUMN run.workspace_id IS 'The tenant.';
COMMENT ON COLUMN run.id IS 'The run''s UUID (RFC 9562 version 8), computed from trace_id and span_id.';
COMMENT ON COLUMN run.trace_id IS 'W3C trace id, 16 bytes.';
COMMENT ON COLUMN run.span_id IS 'W3C span id, 8 bytes.';
COMMENT ON COLUMN run.parent_id IS 'The run''s UUID of the parent span, whether that is stored or not.';
COMMENT ON COLUMN run.is_root IS 'No parent, or a parent that is not stored (yet).';
COMMENT ON COLUMN run.run_type IS 'master, tool_call, context, prompt, predefined_behaviour or another word.';
COMMENT ON COLUMN run.name IS 'What was called.';
COMMENT ON COLUMN run.status IS 'pending, running, success or failed.';
COMMENT ON COLUMN run.start_time IS 'Start.';
COMMENT ON COLUMN run.end_time IS 'End; NULL while the run is open.';
COMMENT ON COLUMN run.version IS 'Of two versions of a run the greater one stays: rank, revision, content hash.';
COMMENT ON COLUMN run.process_id IS 'The recording process while the run is running.';
COMMENT ON COLUMN run.turn_time IS 'Start of the root of this run''s turn, as far as the recording process knew.';
COMMENT ON COLUMN run.seq IS 'Sequence number of the start within its process.';
COMMENT ON COLUMN run.end_seq IS 'Sequence number of the end within its process.';
COMMENT ON COLUMN run.agent_key IS 'The agent, agt_...';
COMMENT ON COLUMN run.session_id IS 'The session.';
COMMENT ON COLUMN run.conversation_id IS 'The conversation.';
COMMENT ON COLUMN run.call_sid IS 'The telephone call.';
COMMENT ON COLUMN run.ai_contact_id IS 'The AI contact.';
COMMENT ON COLUMN run.user_id IS 'The user.';
COMMENT ON COLUMN run.team_id IS 'The user''s team.';
COMMENT ON COLUMN run.prompt_type IS 'Of a prompt: its type.';
COMMENT ON COLUMN run.state_name IS 'Of a prompt: the state it belongs to.';
COMMENT ON COLUMN run.interaction_type IS 'The attribute of this name, repeated.';
COMMENT ON COLUMN run.widget_id IS 'The attribute of this name, repeated.';
COMMENT ON COLUMN run.placement_id IS 'The attribute of this name, repeated.';
COMMENT ON COLUMN run.deployment_type IS 'The attribute of this name, repeated.';
COMMENT ON COLUMN run.source IS 'The instrumentation that recorded the run.';
COMMENT ON COLUMN run.source_system IS 'The provider of the model.';
COMMENT ON COLUMN run.service_id IS 'The service that recorded the run.';
COMMENT ON COLUMN run.ingested_at IS 'When the stored version was received.';
COMMENT ON COLUMN run.learnt IS 'JSON: where ids come from that this version did not know itself (0: spread from the root).';
COMMENT ON COLUMN run.via IS 'Span id of the foreign span right above the run, where that is not its parent run.';
COMMENT ON COLUMN run.history_link IS 'Of a prompt: the link of its last message, where the content says @link for its history.';
COMMENT ON COLUMN run.context_link IS 'Of a prompt: the link where its system prompt and tools are, where the content says @link for them.';
COMMENT ON COLUMN run.content IS 'JSON object by run type.';
COMMENT ON COLUMN run.error IS 'JSON object of type, message and stack.';
COMMENT ON COLUMN run.attributes IS 'JSON object of free attributes.';

CREATE TABLE link (
	workspace_id UUID NOT NULL,
	hash BYTEA NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	previous BYTEA,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	data TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX link_previous ON link (previous) WHERE previous IS NOT NULL;
COMMENT ON COLUMN link.workspace_id IS 'The tenant.';
COMMENT ON COLUMN link.hash IS 'BLAKE2b of previous, kind and data, keyed with the workspace, 20 bytes.';
COMMENT ON COLUMN link.kind IS 'The content key that it is of: history (one message of it), system_prompt or tool_names.';
COMMENT ON COLUMN link.previous IS 'The link of the message before; NULL for the first.';
COMMENT ON COLUMN link.created_at IS 'When it was stored.';
COMMENT ON COLUMN link.data IS 'JSON, byte for byte as it stood in the content.';

CREATE TABLE span (
	workspace_id UUID NOT NULL,
	trace_id BYTEA NOT NULL,
	span_id BYTEA NOT NULL,
	version BIGINT NOT NULL,
	process_id UUID,
	start_time TIMESTAMP WITH TIME ZONE NOT NULL,
	end_time TIMESTAMP WITH TIME ZONE,
	data TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (workspace_id, trace_id, span_id, version)
);
CREATE INDEX span_open ON span (process_id) WHERE process_id IS NOT NULL;
CREATE INDEX span_time ON span (workspace_id, start_time);
COMMENT ON COLUMN span.workspace_id IS 'The tenant.';
COMMENT ON COLUMN span.trace_id IS 'W3C trace id, 16 bytes.';
COMMENT ON COLUMN span.span_id IS 'W3C span id, 8 bytes.';
COMMENT ON COLUMN span.version IS 'An end is greater than a start, and then a content hash decides.';
COMMENT ON COLUMN span.process_id IS 'The recording process of a version without an end.';
COMMENT ON COLUMN span.start_time IS 'Start.';
COMMENT ON COLUMN span.end_time IS 'End; NULL where this version is of an open span.';
COMMENT ON COLUMN span.data IS 'JSON object: name, parent, status, resource, attributes, events and what else was received.';

CREATE TABLE log (
	workspace_id UUID NOT NULL,
	trace_id BYTEA NOT NULL,
	id UUID NOT NULL,
	span_id BYTEA NOT NULL,
	time TIMESTAMP WITH TIME ZONE NOT NULL,
	data TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (workspace_id, trace_id, id)
);
CREATE INDEX log_time ON log (workspace_id, time);
COMMENT ON COLUMN log.workspace_id IS 'The tenant.';
COMMENT ON COLUMN log.trace_id IS 'W3C trace id, 16 bytes.';
COMMENT ON COLUMN log.id IS 'A digest of the record, so that the same one is kept once.';
COMMENT ON COLUMN log.span_id IS 'W3C span id, 8 bytes.';
COMMENT ON COLUMN log.time IS 'When it was written.';
COMMENT ON COLUMN log.data IS 'JSON object: name, severity, body and attributes.';

CREATE TABLE event (
	workspace_id UUID NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	session_id UUID,
	run_id UUID NOT NULL,
	type TEXT COLLATE "C" NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	turn_time TIMESTAMP WITH TIME ZONE NOT NULL,
	hidden BOOLEAN NOT NULL,
	data TEXT COLLATE "C",
	PRIMARY KEY (workspace_id, id)
)
 PARTITION BY RANGE (id);
CREATE INDEX event_hidden ON event (workspace_id, session_id) WHERE hidden;
CREATE INDEX event_session ON event (workspace_id, session_id, id, type, hidden) WHERE NOT hidden AND session_id IS NOT NULL;
CREATE INDEX event_sessionless ON event (workspace_id, run_id) WHERE session_id IS NULL;
COMMENT ON COLUMN event.workspace_id IS 'The tenant.';
COMMENT ON COLUMN event.id IS 'aev_...; ids sort by time, then process sequence.';
COMMENT ON COLUMN event.session_id IS 'The session; NULL shows nowhere.';
COMMENT ON COLUMN event.run_id IS 'The run.';
COMMENT ON COLUMN event.type IS 'input_message, thinking, tool_input, tool_output, agent_output or log.';
COMMENT ON COLUMN event.created_at IS 'When it happened.';
COMMENT ON COLUMN event.turn_time IS 'Start of its turn''s root: decides whether a session reset concerns it.';
COMMENT ON COLUMN event.hidden IS 'Kept, but shown no more since its session was reset.';
COMMENT ON COLUMN event.data IS 'JSON object; NULL where the run''s content is the event''s.';

CREATE TABLE session (
	workspace_id UUID NOT NULL,
	id UUID NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	agent_key TEXT COLLATE "C",
	user_id TEXT COLLATE "C",
	team_id TEXT COLLATE "C",
	conversation_id UUID,
	call_sid TEXT COLLATE "C",
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_message_at TIMESTAMP WITH TIME ZONE,
	reset_at TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (workspace_id, id)
);
CREATE INDEX session_owner ON session (workspace_id, left(user_id, 100), left(team_id, 100));
CREATE INDEX session_time ON session (workspace_id, created_at, id DESC);
COMMENT ON COLUMN session.workspace_id IS 'The tenant.';
COMMENT ON COLUMN session.id IS 'The session''s UUID.';
COMMENT ON COLUMN session.key IS 'The session''s key, ase_...';
COMMENT ON COLUMN session.agent_key IS 'The first agent that took part; session_agent has all.';
COMMENT ON COLUMN session.user_id IS 'Its owner.';
COMMENT ON COLUMN session.team_id IS 'Its owner''s team.';
COMMENT ON COLUMN session.conversation_id IS 'The conversation.';
COMMENT ON COLUMN session.call_sid IS 'The telephone call.';
COMMENT ON COLUMN session.created_at IS 'Start of the first run that named it, or its registration.';
COMMENT ON COLUMN session.last_message_at IS 'Its last message since the last reset.';
COMMENT ON COLUMN session.reset_at IS 'Its last reset.';

CREATE TABLE agent (
	workspace_id UUID NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C",
	named_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (workspace_id, key)
);
COMMENT ON COLUMN agent.workspace_id IS 'The tenant.';
COMMENT ON COLUMN agent.key IS 'agt_...';
COMMENT ON COLUMN agent.name IS 'Its registered display name.';
COMMENT ON COLUMN agent.named_at IS 'When that was registered.';

CREATE TABLE session_agent (
	workspace_id UUID NOT NULL,
	session_id UUID NOT NULL,
	agent_key TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (workspace_id, session_id, agent_key)
);
COMMENT ON COLUMN session_agent.workspace_id IS 'The tenant.';
COMMENT ON COLUMN session_agent.session_id IS 'The session.';
COMMENT ON COLUMN session_agent.agent_key IS 'The agent.';

CREATE TABLE contact (
	workspace_id UUID NOT NULL,
	id UUID NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
COMMENT ON COLUMN contact.workspace_id IS 'The tenant.';
COMMENT ON COLUMN contact.id IS 'The AI contact.';

CREATE TABLE conversation (
	workspace_id UUID NOT NULL,
	id UUID NOT NULL,
	call_sid TEXT COLLATE "C",
	session_id UUID,
	PRIMARY KEY (workspace_id, id)
);
COMMENT ON COLUMN conversation.workspace_id IS 'The tenant.';
COMMENT ON COLUMN conversation.id IS 'The conversation.';
COMMENT ON COLUMN conversation.call_sid IS 'The telephone call.';
COMMENT ON COLUMN conversation.session_id IS 'The session.';

CREATE TABLE process (
	id UUID NOT NULL,
	host TEXT COLLATE "C" NOT NULL,
	boot_id TEXT COLLATE "C" NOT NULL,
	pid BIGINT NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id)
);
COMMENT ON COLUMN process.id IS 'The id of its journal; run.process_id of its running runs.';
COMMENT ON COLUMN process.host IS 'The host''s name.';
COMMENT ON COLUMN process.boot_id IS 'Which boot of the host, where that is known.';
COMMENT ON COLUMN process.pid IS 'The process id, as the process itself sees it.';
COMMENT ON COLUMN process.started_at IS 'When its journal was made.';
COMMENT ON COLUMN process.seen_at IS 'Its last heartbeat, by its own clock.';

CREATE TABLE dead_letter (
	id UUID NOT NULL,
	workspace_id UUID,
	time TIMESTAMP WITH TIME ZONE NOT NULL,
	kind BIGINT NOT NULL,
	process_id UUID NOT NULL,
	error TEXT COLLATE "C" NOT NULL,
	payload BYTEA NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX dead_letter_time ON dead_letter (time, id);
COMMENT ON COLUMN dead_letter.id IS 'A digest of process, kind and payload: the same record is kept once.';
COMMENT ON COLUMN dead_letter.workspace_id IS 'The tenant; NULL where the record does not tell.';
COMMENT ON COLUMN dead_letter.time IS 'When it was set aside.';
COMMENT ON COLUMN dead_letter.kind IS 'The kind of record: 1 run, 2 event, 3 entity, 4 span, 5 log, 6 audit, 7 key used.';
COMMENT ON COLUMN dead_letter.process_id IS 'The process that recorded it.';
COMMENT ON COLUMN dead_letter.error IS 'Why it was refused.';
COMMENT ON COLUMN dead_letter.payload IS 'The record as it stood in the journal.';

CREATE TABLE api_key (
	workspace_id UUID NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	hash BYTEA NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C",
	team_ids TEXT COLLATE "C" NOT NULL,
	role TEXT COLLATE "C" NOT NULL,
	scopes TEXT COLLATE "C" NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	revoked_at TIMESTAMP WITH TIME ZONE,
	last_used_at TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (id)
);
CREATE INDEX api_key_time ON api_key (workspace_id, created_at, id DESC);
COMMENT ON COLUMN api_key.workspace_id IS 'The tenant.';
COMMENT ON COLUMN api_key.id IS 'The public part of the key''s text, agtk_ID_SECRET.';
COMMENT ON COLUMN api_key.hash IS 'BLAKE2b of the secret, keyed with the id, 32 bytes.';
COMMENT ON COLUMN api_key.name IS 'What its maker called it.';
COMMENT ON COLUMN api_key.user_id IS 'The user it speaks for.';
COMMENT ON COLUMN api_key.team_ids IS 'JSON list of the teams of which that user is a member.';
COMMENT ON COLUMN api_key.role IS 'member, admin, owner or su.';
COMMENT ON COLUMN api_key.scopes IS 'JSON list of read, ingest, manage.';
COMMENT ON COLUMN api_key.created_at IS 'When it was made.';
COMMENT ON COLUMN api_key.expires_at IS 'When it ends by itself.';
COMMENT ON COLUMN api_key.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN api_key.last_used_at IS 'Its last use, to the minute.';

CREATE TABLE audit (
	workspace_id UUID NOT NULL,
	id UUID NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	action TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C",
	key_id TEXT COLLATE "C",
	role TEXT COLLATE "C",
	filters TEXT COLLATE "C" NOT NULL,
	row_count BIGINT NOT NULL,
	status BIGINT,
	request_id TEXT COLLATE "C",
	PRIMARY KEY (workspace_id, id)
);
CREATE INDEX audit_action ON audit (workspace_id, left(action, 100), id);
CREATE INDEX audit_user ON audit (workspace_id, left(user_id, 100), id);
COMMENT ON COLUMN audit.workspace_id IS 'The tenant.';
COMMENT ON COLUMN audit.id IS 'UUID of version 7: ids sort by created_at.';
COMMENT ON COLUMN audit.created_at IS 'When it was answered.';
COMMENT ON COLUMN audit.action IS 'What was done, as prompt_logs.queried or sessions.reset.';
COMMENT ON COLUMN audit.user_id IS 'Who asked.';
COMMENT ON COLUMN audit.key_id IS 'With which API key.';
COMMENT ON COLUMN audit.role IS 'In which role.';
COMMENT ON COLUMN audit.filters IS 'JSON object of what was asked for, secrets redacted.';
COMMENT ON COLUMN audit.row_count IS 'How many rows were answered.';
COMMENT ON COLUMN audit.status IS 'The HTTP status of the answer.';
COMMENT ON COLUMN audit.request_id IS 'The id of the request, as in the logs.';

CREATE TABLE run_other PARTITION OF run DEFAULT;

CREATE TABLE event_other PARTITION OF event DEFAULT;

-- A member of a JSON object, as JSON; NULL where the text is no JSON. PostgreSQL's parser refuses \u0000 and halves of
-- surrogate pairs, so they are read as something else.
CREATE FUNCTION agenttrace_member(object text, member text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF strpos(object, '\u') > 0 THEN
    object := regexp_replace(object, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\u0001', 'g');
  END IF;
  RETURN (object::json -> member)::text;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

CREATE TABLE agenttrace_version (version INTEGER NOT NULL);
INSERT INTO agenttrace_version VALUES (2);
-- The rows, as COPY gives them.
COPY agent ("workspace_id", "key", "name", "named_at") FROM STDIN;
22222222-2222-4222-8222-222222222222	agt_support	Support	2026-01-15 12:00:08.75+00
f6452aa2-0e25-5818-b977-4b0e086d171e	agt_support	Support	2026-01-15 12:00:00+00
\.
COPY api_key ("workspace_id", "id", "hash", "name", "user_id", "team_ids", "role", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at") FROM STDIN;
f6452aa2-0e25-5818-b977-4b0e086d171e	bdabf731b80ba58d	\\x2223f0564fc965b001e0a754e23a4035e8fb6bf2c0d96a2671036dbbf9874e89	revoked	ann	["blue"]	member	["manage","read"]	2026-01-15 12:00:17.5+00	\N	2026-01-15 12:00:17.5+00	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	f28e6244abf8e692	\\x9e708303b4f08ffae70c7225e29ef173c4ab06b01c937693cc5b309963eb50d3	good	ann	["blue"]	member	["manage","read"]	2026-01-15 12:00:17.5+00	\N	\N	\N
\.
COPY audit ("workspace_id", "id", "created_at", "action", "user_id", "key_id", "role", "filters", "row_count", "status", "request_id") FROM STDIN;
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc187-225c-7000-b1b9-5d832d7d93d8	2026-01-15 12:00:17.5+00	prompt_logs.queried	ann	\N	\N	{"call_sid":"CA1"}	3	200	\N
\.
COPY contact ("workspace_id", "id") FROM STDIN;
22222222-2222-4222-8222-222222222222	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11
f6452aa2-0e25-5818-b977-4b0e086d171e	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11
\.
COPY conversation ("workspace_id", "id", "call_sid", "session_id") FROM STDIN;
22222222-2222-4222-8222-222222222222	b78cdb59-60d3-54c6-84d0-8c449a24d3b3	\N	b78cdb59-60d3-54c6-84d0-8c449a24d3b3
22222222-2222-4222-8222-222222222222	c0ffee00-0000-4000-8000-000000000000	CA1	a63ab83d-2bb8-42ab-8374-23b8e1e276e3
f6452aa2-0e25-5818-b977-4b0e086d171e	0e926eac-e0a3-5e2c-a4d5-43b840230da1	\N	0e926eac-e0a3-5e2c-a4d5-43b840230da1
f6452aa2-0e25-5818-b977-4b0e086d171e	c0ffee00-0000-4000-8000-000000000000	CA1	a63ab83d-2bb8-42ab-8374-23b8e1e276e3
\.
COPY dead_letter ("id", "workspace_id", "time", "kind", "process_id", "error", "payload") FROM STDIN;
e9a39875-fbc8-ae9b-d674-cfe19a0a7c44	\N	2026-01-15 12:00:00.000005+00	1	00010203-0405-0607-0809-0a0b0c0d0e0f	ValueError: no RUN record	\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
\.
COPY event ("workspace_id", "id", "session_id", "run_id", "type", "created_at", "turn_time", "hidden", "data") FROM STDIN;
22222222-2222-4222-8222-222222222222	aev_06486bf758b3b000000000320000000000000017	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-002e-8000-8000-000000000017	input_message	2026-01-15 12:00:08.75+00	2026-01-15 12:00:08.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf75c844000000000330000000000000017	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-002e-8000-8000-000000000017	thinking	2026-01-15 12:00:09+00	2026-01-15 12:00:08.75+00	f	{"content":"hm"}
22222222-2222-4222-8222-222222222222	aev_06486bf75c844000000000340000000000000018	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-002e-8000-8000-000000000018	tool_input	2026-01-15 12:00:09+00	2026-01-15 12:00:08.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf764256000000000350000000000000018	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-002e-8000-8000-000000000018	tool_output	2026-01-15 12:00:09.5+00	2026-01-15 12:00:08.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf77367a0000000003a0000000000000017	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-002e-8000-8000-000000000017	agent_output	2026-01-15 12:00:10.5+00	2026-01-15 12:00:08.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf77367a0000000003b000000000000001b	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0704-8000-8000-00000000001b	input_message	2026-01-15 12:00:10.5+00	2026-01-15 12:00:10.5+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7773830000000003c000000000000001b	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0704-8000-8000-00000000001b	thinking	2026-01-15 12:00:10.75+00	2026-01-15 12:00:10.5+00	f	{"content":"hm"}
22222222-2222-4222-8222-222222222222	aev_06486bf7773830000000003d000000000000001c	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0704-8000-8000-00000000001c	tool_input	2026-01-15 12:00:10.75+00	2026-01-15 12:00:10.5+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf77ed950000000003e000000000000001c	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0704-8000-8000-00000000001c	tool_output	2026-01-15 12:00:11.25+00	2026-01-15 12:00:10.5+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf78e1b900000000043000000000000001b	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0704-8000-8000-00000000001b	agent_output	2026-01-15 12:00:12.25+00	2026-01-15 12:00:10.5+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf78e1b900000000044000000000000001f	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0dda-8000-8000-00000000001f	input_message	2026-01-15 12:00:12.25+00	2026-01-15 12:00:12.25+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf791ec200000000045000000000000001f	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0dda-8000-8000-00000000001f	thinking	2026-01-15 12:00:12.5+00	2026-01-15 12:00:12.25+00	f	{"content":"hm"}
22222222-2222-4222-8222-222222222222	aev_06486bf791ec2000000000460000000000000020	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0dda-8000-8000-000000000020	tool_input	2026-01-15 12:00:12.5+00	2026-01-15 12:00:12.25+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7998d4000000000470000000000000020	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0dda-8000-8000-000000000020	tool_output	2026-01-15 12:00:13+00	2026-01-15 12:00:12.25+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7a8cf80000000004c000000000000001f	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-0dda-8000-8000-00000000001f	agent_output	2026-01-15 12:00:14+00	2026-01-15 12:00:12.25+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7a8cf80000000004d0000000000000023	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-14b0-8000-8000-000000000023	input_message	2026-01-15 12:00:14+00	2026-01-15 12:00:14+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7aca010000000004e0000000000000023	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-14b0-8000-8000-000000000023	thinking	2026-01-15 12:00:14.25+00	2026-01-15 12:00:14+00	f	{"content":"hm"}
22222222-2222-4222-8222-222222222222	aev_06486bf7aca010000000004f0000000000000024	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-14b0-8000-8000-000000000024	tool_input	2026-01-15 12:00:14.25+00	2026-01-15 12:00:14+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7b4413000000000500000000000000024	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-14b0-8000-8000-000000000024	tool_output	2026-01-15 12:00:14.75+00	2026-01-15 12:00:14+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7c3837000000000580000000000000028	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-1b86-8000-8000-000000000028	input_message	2026-01-15 12:00:15.75+00	2026-01-15 12:00:15.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7c7540000000000590000000000000028	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-1b86-8000-8000-000000000028	thinking	2026-01-15 12:00:16+00	2026-01-15 12:00:15.75+00	f	{"content":"hm"}
22222222-2222-4222-8222-222222222222	aev_06486bf7c75400000000005a0000000000000029	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-1b86-8000-8000-000000000029	tool_input	2026-01-15 12:00:16+00	2026-01-15 12:00:15.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7cef520000000005b0000000000000029	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-1b86-8000-8000-000000000029	tool_output	2026-01-15 12:00:16.5+00	2026-01-15 12:00:15.75+00	f	\N
22222222-2222-4222-8222-222222222222	aev_06486bf7de376000000000600000000000000028	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc187-1b86-8000-8000-000000000028	agent_output	2026-01-15 12:00:17.5+00	2026-01-15 12:00:15.75+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6d3300000000000010000000000000001	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-de00-8000-8000-000000000001	input_message	2026-01-15 12:00:00+00	2026-01-15 12:00:00+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6d7009000000000020000000000000001	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-de00-8000-8000-000000000001	thinking	2026-01-15 12:00:00.25+00	2026-01-15 12:00:00+00	f	{"content":"hm"}
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6d7009000000000030000000000000002	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-de00-8000-8000-000000000002	tool_input	2026-01-15 12:00:00.25+00	2026-01-15 12:00:00+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6dea1b000000000040000000000000002	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-de00-8000-8000-000000000002	tool_output	2026-01-15 12:00:00.75+00	2026-01-15 12:00:00+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6ede3f000000000090000000000000001	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-de00-8000-8000-000000000001	agent_output	2026-01-15 12:00:01.75+00	2026-01-15 12:00:00+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6ede3f0000000000a0000000000000005	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-e4d6-8000-8000-000000000005	input_message	2026-01-15 12:00:01.75+00	2026-01-15 12:00:01.75+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6f1b480000000000b0000000000000005	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-e4d6-8000-8000-000000000005	thinking	2026-01-15 12:00:02+00	2026-01-15 12:00:01.75+00	f	{"content":"hm"}
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6f1b480000000000c0000000000000006	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-e4d6-8000-8000-000000000006	tool_input	2026-01-15 12:00:02+00	2026-01-15 12:00:01.75+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf6f955a0000000000d0000000000000006	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-e4d6-8000-8000-000000000006	tool_output	2026-01-15 12:00:02.5+00	2026-01-15 12:00:01.75+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf70897e000000000120000000000000005	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-e4d6-8000-8000-000000000005	agent_output	2026-01-15 12:00:03.5+00	2026-01-15 12:00:01.75+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf70897e000000000130000000000000009	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-ebac-8000-8000-000000000009	input_message	2026-01-15 12:00:03.5+00	2026-01-15 12:00:03.5+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf70c687000000000140000000000000009	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-ebac-8000-8000-000000000009	thinking	2026-01-15 12:00:03.75+00	2026-01-15 12:00:03.5+00	f	{"content":"hm"}
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf70c68700000000015000000000000000a	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-ebac-8000-8000-00000000000a	tool_input	2026-01-15 12:00:03.75+00	2026-01-15 12:00:03.5+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf71409900000000016000000000000000a	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-ebac-8000-8000-00000000000a	tool_output	2026-01-15 12:00:04.25+00	2026-01-15 12:00:03.5+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf7234bd0000000001b0000000000000009	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-ebac-8000-8000-000000000009	agent_output	2026-01-15 12:00:05.25+00	2026-01-15 12:00:03.5+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf7234bd0000000001c000000000000000d	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-f282-8000-8000-00000000000d	input_message	2026-01-15 12:00:05.25+00	2026-01-15 12:00:05.25+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf7271c60000000001d000000000000000d	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-f282-8000-8000-00000000000d	thinking	2026-01-15 12:00:05.5+00	2026-01-15 12:00:05.25+00	f	{"content":"hm"}
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf7271c60000000001e000000000000000e	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-f282-8000-8000-00000000000e	tool_input	2026-01-15 12:00:05.5+00	2026-01-15 12:00:05.25+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf72ebd80000000001f000000000000000e	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-f282-8000-8000-00000000000e	tool_output	2026-01-15 12:00:06+00	2026-01-15 12:00:05.25+00	f	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	aev_06486bf73dffc000000000270000000000000012	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	019bc186-f958-8000-8000-000000000012	input_message	2026-01-15 12:00:07+00	2026-01-15 12:00:07+00	t	\N
\.
COPY link ("workspace_id", "hash", "kind", "previous", "created_at", "data") FROM STDIN;
22222222-2222-4222-8222-222222222222	\\x0c93ea5d17cc0860fb78a5d0d33bb0e8a617b26f	history	\\xf1ec3590cb286c43c3d3e14b5a6c2b577fb370f8	2026-01-15 12:00:17.5+00	{"role":"assistant","content":"Hold the button."}
22222222-2222-4222-8222-222222222222	\\x2ec0d7249421c1293907b7fd59a42f618e69ab21	history	\\x0c93ea5d17cc0860fb78a5d0d33bb0e8a617b26f	2026-01-15 12:00:17.5+00	{"role":"user","content":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
22222222-2222-4222-8222-222222222222	\\x412bb709de0239565765ff166e4967a692439501	history	\\xee5a0ca39c8f89c06d4367ae6e1ac70d2b533bf7	2026-01-15 12:00:17.5+00	{"role":"user","content":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
22222222-2222-4222-8222-222222222222	\\x8a268079e3b1df947c932c240edea5b335ff06dd	history	\N	2026-01-15 12:00:17.5+00	{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
22222222-2222-4222-8222-222222222222	\\x94080e1e3db25145d719a1b0d9ecdc4cde4de71e	history	\\x8a268079e3b1df947c932c240edea5b335ff06dd	2026-01-15 12:00:17.5+00	{"role":"assistant","content":"Hold the button."}
22222222-2222-4222-8222-222222222222	\\xee5a0ca39c8f89c06d4367ae6e1ac70d2b533bf7	history	\\x2ec0d7249421c1293907b7fd59a42f618e69ab21	2026-01-15 12:00:17.5+00	{"role":"assistant","content":"Hold the button."}
22222222-2222-4222-8222-222222222222	\\xf1ec3590cb286c43c3d3e14b5a6c2b577fb370f8	history	\\x94080e1e3db25145d719a1b0d9ecdc4cde4de71e	2026-01-15 12:00:17.5+00	{"role":"user","content":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x0424b6f57b0199043a2f31023b4837d68ef20568	history	\N	2026-01-15 12:00:08.75+00	{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x34a2d9bb15af2a10800f02b86d3a9813b7b4ea45	history	\\x615b628c6dfac99c36a2d0764fb617ec07e426e2	2026-01-15 12:00:08.75+00	{"role":"user","content":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x615b628c6dfac99c36a2d0764fb617ec07e426e2	history	\\xb7b6cab3ed52092da9187a8654ff75f89651c4c7	2026-01-15 12:00:08.75+00	{"role":"assistant","content":"Hold the button."}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x706b4f6e76627524c0fff2b53e3a09ab406f0240	history	\\x869d6ef773279ec957a6fd69df988c68c287d22d	2026-01-15 12:00:08.75+00	{"role":"user","content":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x869d6ef773279ec957a6fd69df988c68c287d22d	history	\\x0424b6f57b0199043a2f31023b4837d68ef20568	2026-01-15 12:00:08.75+00	{"role":"assistant","content":"Hold the button."}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\xadb9a27aab3de22fc5bb4e75f9353413c86139ec	history	\\x706b4f6e76627524c0fff2b53e3a09ab406f0240	2026-01-15 12:00:08.75+00	{"role":"assistant","content":"Hold the button."}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\xb7b6cab3ed52092da9187a8654ff75f89651c4c7	history	\\xadb9a27aab3de22fc5bb4e75f9353413c86139ec	2026-01-15 12:00:08.75+00	{"role":"user","content":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}
\.
COPY log ("workspace_id", "trace_id", "id", "span_id", "time", "data") FROM STDIN;
22222222-2222-4222-8222-222222222222	\\x019bc1f4a80000000000000000000abc	67b4d1ee-da66-37ff-5bef-771688e10fc4	\\x0000000000000001	2026-01-15 12:00:00.000007+00	{"name":"gen_ai.user.message","body":"Is it on?","attributes":{}}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x019bc1f4a80000000000000000000abc	9c640f22-637a-ca7c-9079-b20946a5c171	\\x0000000000000001	2026-01-15 12:00:00.000007+00	{"name":"gen_ai.user.message","body":"Is it on?","attributes":{}}
\.
COPY process ("id", "host", "boot_id", "pid", "started_at", "seen_at") FROM STDIN;
\.
COPY run ("workspace_id", "id", "trace_id", "span_id", "parent_id", "is_root", "run_type", "name", "status", "start_time", "end_time", "version", "process_id", "turn_time", "seq", "end_seq", "agent_key", "session_id", "conversation_id", "call_sid", "ai_contact_id", "user_id", "team_id", "prompt_type", "state_name", "interaction_type", "widget_id", "placement_id", "deployment_type", "source", "source_system", "service_id", "ingested_at", "learnt", "via", "history_link", "context_link", "content", "error", "attributes") FROM STDIN;
22222222-2222-4222-8222-222222222222	019bc187-002e-8000-8000-000000000017	\\x019bc187002e00080000000000000008	\\x0000000000000017	\N	t	master	answer	success	2026-01-15 12:00:08.75+00	2026-01-15 12:00:10.5+00	324259181728337956	\N	2026-01-15 12:00:08.75+00	50	58	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-002e-8000-8000-000000000018	\\x019bc187002e00080000000000000008	\\x0000000000000018	019bc187-002e-8000-8000-000000000017	f	tool_call	search_kb	success	2026-01-15 12:00:09+00	2026-01-15 12:00:09.5+00	324259179496093690	\N	2026-01-15 12:00:08.75+00	52	53	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"query":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[0]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-002e-8000-8000-000000000019	\\x019bc187002e00080000000000000008	\\x0000000000000019	019bc187-002e-8000-8000-000000000017	f	context	retrieve	success	2026-01-15 12:00:09.5+00	2026-01-15 12:00:09.5+00	324259179592304249	\N	2026-01-15 12:00:08.75+00	54	55	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"query":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-002e-8000-8000-00000000001a	\\x019bc187002e00080000000000000008	\\x000000000000001a	019bc187-002e-8000-8000-000000000017	f	prompt	engage_user	success	2026-01-15 12:00:09.5+00	2026-01-15 12:00:10.5+00	324259180414600109	\N	2026-01-15 12:00:08.75+00	56	57	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":0,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0704-8000-8000-00000000001b	\\x019bc187070400090000000000000009	\\x000000000000001b	\N	t	master	answer	success	2026-01-15 12:00:10.5+00	2026-01-15 12:00:12.25+00	324259179117776228	\N	2026-01-15 12:00:10.5+00	59	67	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0704-8000-8000-00000000001c	\\x019bc187070400090000000000000009	\\x000000000000001c	019bc187-0704-8000-8000-00000000001b	f	tool_call	search_kb	success	2026-01-15 12:00:10.75+00	2026-01-15 12:00:11.25+00	324259181192747451	\N	2026-01-15 12:00:10.5+00	61	62	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"query":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[1]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0704-8000-8000-00000000001d	\\x019bc187070400090000000000000009	\\x000000000000001d	019bc187-0704-8000-8000-00000000001b	f	context	retrieve	success	2026-01-15 12:00:11.25+00	2026-01-15 12:00:11.25+00	324259177918701163	\N	2026-01-15 12:00:10.5+00	63	64	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"query":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0704-8000-8000-00000000001e	\\x019bc187070400090000000000000009	\\x000000000000001e	019bc187-0704-8000-8000-00000000001b	f	prompt	engage_user	success	2026-01-15 12:00:11.25+00	2026-01-15 12:00:12.25+00	324259181260695441	\N	2026-01-15 12:00:10.5+00	65	66	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":1,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"},{"role":"assistant","content":"Hold the button."},{"role":"user","content":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0dda-8000-8000-00000000001f	\\x019bc1870dda000a000000000000000a	\\x000000000000001f	\N	t	master	answer	success	2026-01-15 12:00:12.25+00	2026-01-15 12:00:14+00	324259179989534849	\N	2026-01-15 12:00:12.25+00	68	76	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0dda-8000-8000-000000000020	\\x019bc1870dda000a000000000000000a	\\x0000000000000020	019bc187-0dda-8000-8000-00000000001f	f	tool_call	search_kb	success	2026-01-15 12:00:12.5+00	2026-01-15 12:00:13+00	324259181410836574	\N	2026-01-15 12:00:12.25+00	70	71	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"query":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[2]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0dda-8000-8000-000000000021	\\x019bc1870dda000a000000000000000a	\\x0000000000000021	019bc187-0dda-8000-8000-00000000001f	f	context	retrieve	success	2026-01-15 12:00:13+00	2026-01-15 12:00:13+00	324259178547452319	\N	2026-01-15 12:00:12.25+00	72	73	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"query":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-0dda-8000-8000-000000000022	\\x019bc1870dda000a000000000000000a	\\x0000000000000022	019bc187-0dda-8000-8000-00000000001f	f	prompt	engage_user	success	2026-01-15 12:00:13+00	2026-01-15 12:00:14+00	324259178340010988	\N	2026-01-15 12:00:12.25+00	74	75	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\\x2ec0d7249421c1293907b7fd59a42f618e69ab21	\N	{"prompt_type":"engage_user","turn_index":2,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":"@link","llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-14b0-8000-8000-000000000023	\\x019bc18714b0000b000000000000000b	\\x0000000000000023	\N	t	master	answer	failed	2026-01-15 12:00:14+00	2026-01-15 12:00:15.75+00	324259180670887453	\N	2026-01-15 12:00:14+00	77	85	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}	{"type":"ValueError","message":"no such widget","stack":"ValueError: no such widget\\n"}	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-14b0-8000-8000-000000000024	\\x019bc18714b0000b000000000000000b	\\x0000000000000024	019bc187-14b0-8000-8000-000000000023	f	tool_call	search_kb	success	2026-01-15 12:00:14.25+00	2026-01-15 12:00:14.75+00	324259179737119695	\N	2026-01-15 12:00:14+00	79	80	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"query":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[3]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-14b0-8000-8000-000000000025	\\x019bc18714b0000b000000000000000b	\\x0000000000000025	019bc187-14b0-8000-8000-000000000023	f	context	retrieve	success	2026-01-15 12:00:14.75+00	2026-01-15 12:00:14.75+00	324259180614881966	\N	2026-01-15 12:00:14+00	81	82	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"query":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-14b0-8000-8000-000000000026	\\x019bc18714b0000b000000000000000b	\\x0000000000000026	019bc187-14b0-8000-8000-000000000023	f	prompt	engage_user	success	2026-01-15 12:00:14.75+00	2026-01-15 12:00:15.75+00	324259180444354793	\N	2026-01-15 12:00:14+00	83	84	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\\x412bb709de0239565765ff166e4967a692439501	\N	{"prompt_type":"engage_user","turn_index":3,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":"@link","llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-1b86-8000-8000-000000000027	\\x019bc1871b86000c000000000000000c	\\x0000000000000027	\N	t	predefined_behaviour	greet	success	2026-01-15 12:00:15.75+00	2026-01-15 12:00:15.75+00	324259179437867845	\N	2026-01-15 12:00:15.75+00	86	87	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"trigger":"open","input":"hi","output":"hello"}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
22222222-2222-4222-8222-222222222222	019bc187-1b86-8000-8000-000000000028	\\x019bc1871b86000d000000000000000d	\\x0000000000000028	\N	t	master	answer	success	2026-01-15 12:00:15.75+00	2026-01-15 12:00:17.5+00	324259178560670826	\N	2026-01-15 12:00:15.75+00	88	96	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	\N
22222222-2222-4222-8222-222222222222	019bc187-1b86-8000-8000-000000000029	\\x019bc1871b86000d000000000000000d	\\x0000000000000029	019bc187-1b86-8000-8000-000000000028	f	tool_call	search_kb	success	2026-01-15 12:00:16+00	2026-01-15 12:00:16.5+00	324259180251039912	\N	2026-01-15 12:00:15.75+00	90	91	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"query":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[9]}}	\N	\N
22222222-2222-4222-8222-222222222222	019bc187-1b86-8000-8000-00000000002a	\\x019bc1871b86000d000000000000000d	\\x000000000000002a	019bc187-1b86-8000-8000-000000000028	f	context	retrieve	success	2026-01-15 12:00:16.5+00	2026-01-15 12:00:16.5+00	324259181090632266	\N	2026-01-15 12:00:15.75+00	92	93	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"query":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	\N
22222222-2222-4222-8222-222222222222	019bc187-1b86-8000-8000-00000000002b	\\x019bc1871b86000d000000000000000d	\\x000000000000002b	019bc187-1b86-8000-8000-000000000028	f	prompt	engage_user	success	2026-01-15 12:00:16.5+00	2026-01-15 12:00:17.5+00	324259179376254724	\N	2026-01-15 12:00:15.75+00	94	95	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	engage_user	help	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":9,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	\N
22222222-2222-4222-8222-222222222222	019bc187-225c-8000-8000-00000000002c	\\x019bc187225c000e000000000000000e	\\x000000000000002c	\N	t	checkout	pay	success	2026-01-15 12:00:17.5+00	2026-01-15 12:00:17.5+00	324259185580455922	\N	2026-01-15 12:00:17.5+00	97	98	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"input":{"b":1,"a":[null,true,0.5]}}	\N	{"basket":"x"}
22222222-2222-4222-8222-222222222222	019bc1f4-a800-8000-8000-000000000001	\\x019bc1f4a80000000000000000000abc	\\x0000000000000001	\N	t	prompt	chat gpt-5	success	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	4294967296	\N	2026-01-15 12:00:00+00	0	1099511627775	\N	b78cdb59-60d3-54c6-84d0-8c449a24d3b3	b78cdb59-60d3-54c6-84d0-8c449a24d3b3	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	fixture	\N	\N	2026-01-15 12:00:17.5+00	\N	\N	\N	\N	{"history":[{"role":"user","content":"Is it on?"}],"full_prompt":"Is it on?","llm_model":"gpt-5"}	\N	{"conversation_id":"far away"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-de00-8000-8000-000000000001	\\x019bc186de0000010000000000000001	\\x0000000000000001	\N	t	master	answer	success	2026-01-15 12:00:00+00	2026-01-15 12:00:01.75+00	324259177817607712	\N	2026-01-15 12:00:00+00	1	9	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-de00-8000-8000-000000000002	\\x019bc186de0000010000000000000001	\\x0000000000000002	019bc186-de00-8000-8000-000000000001	f	tool_call	search_kb	success	2026-01-15 12:00:00.25+00	2026-01-15 12:00:00.75+00	324259180970618611	\N	2026-01-15 12:00:00+00	3	4	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"query":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[0]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-de00-8000-8000-000000000003	\\x019bc186de0000010000000000000001	\\x0000000000000003	019bc186-de00-8000-8000-000000000001	f	context	retrieve	success	2026-01-15 12:00:00.75+00	2026-01-15 12:00:00.75+00	324259180382402405	\N	2026-01-15 12:00:00+00	5	6	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"query":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-de00-8000-8000-000000000004	\\x019bc186de0000010000000000000001	\\x0000000000000004	019bc186-de00-8000-8000-000000000001	f	prompt	engage_user	success	2026-01-15 12:00:00.75+00	2026-01-15 12:00:01.75+00	324259179291224085	\N	2026-01-15 12:00:00+00	7	8	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":0,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-e4d6-8000-8000-000000000005	\\x019bc186e4d600020000000000000002	\\x0000000000000005	\N	t	master	answer	success	2026-01-15 12:00:01.75+00	2026-01-15 12:00:03.5+00	324259177631814867	\N	2026-01-15 12:00:01.75+00	10	18	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-e4d6-8000-8000-000000000006	\\x019bc186e4d600020000000000000002	\\x0000000000000006	019bc186-e4d6-8000-8000-000000000005	f	tool_call	search_kb	success	2026-01-15 12:00:02+00	2026-01-15 12:00:02.5+00	324259179536500020	\N	2026-01-15 12:00:01.75+00	12	13	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"query":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[1]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-e4d6-8000-8000-000000000007	\\x019bc186e4d600020000000000000002	\\x0000000000000007	019bc186-e4d6-8000-8000-000000000005	f	context	retrieve	success	2026-01-15 12:00:02.5+00	2026-01-15 12:00:02.5+00	324259179110499717	\N	2026-01-15 12:00:01.75+00	14	15	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"query":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-e4d6-8000-8000-000000000008	\\x019bc186e4d600020000000000000002	\\x0000000000000008	019bc186-e4d6-8000-8000-000000000005	f	prompt	engage_user	success	2026-01-15 12:00:02.5+00	2026-01-15 12:00:03.5+00	324259181607923045	\N	2026-01-15 12:00:01.75+00	16	17	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":1,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 0: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"},{"role":"assistant","content":"Hold the button."},{"role":"user","content":"Turn 1: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-ebac-8000-8000-000000000009	\\x019bc186ebac00030000000000000003	\\x0000000000000009	\N	t	master	answer	success	2026-01-15 12:00:03.5+00	2026-01-15 12:00:05.25+00	324259178401367463	\N	2026-01-15 12:00:03.5+00	19	27	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-ebac-8000-8000-00000000000a	\\x019bc186ebac00030000000000000003	\\x000000000000000a	019bc186-ebac-8000-8000-000000000009	f	tool_call	search_kb	success	2026-01-15 12:00:03.75+00	2026-01-15 12:00:04.25+00	324259180491183921	\N	2026-01-15 12:00:03.5+00	21	22	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"query":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[2]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-ebac-8000-8000-00000000000b	\\x019bc186ebac00030000000000000003	\\x000000000000000b	019bc186-ebac-8000-8000-000000000009	f	context	retrieve	success	2026-01-15 12:00:04.25+00	2026-01-15 12:00:04.25+00	324259180301361203	\N	2026-01-15 12:00:03.5+00	23	24	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"query":"Turn 2: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-ebac-8000-8000-00000000000c	\\x019bc186ebac00030000000000000003	\\x000000000000000c	019bc186-ebac-8000-8000-000000000009	f	prompt	engage_user	success	2026-01-15 12:00:04.25+00	2026-01-15 12:00:05.25+00	324259177514472225	\N	2026-01-15 12:00:03.5+00	25	26	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\\xb7b6cab3ed52092da9187a8654ff75f89651c4c7	\N	{"prompt_type":"engage_user","turn_index":2,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":"@link","llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f282-8000-8000-00000000000d	\\x019bc186f28200040000000000000004	\\x000000000000000d	\N	t	master	answer	failed	2026-01-15 12:00:05.25+00	2026-01-15 12:00:07+00	324259179358352871	\N	2026-01-15 12:00:05.25+00	28	36	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}	{"type":"ValueError","message":"no such widget","stack":"ValueError: no such widget\\n"}	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f282-8000-8000-00000000000e	\\x019bc186f28200040000000000000004	\\x000000000000000e	019bc186-f282-8000-8000-00000000000d	f	tool_call	search_kb	success	2026-01-15 12:00:05.5+00	2026-01-15 12:00:06+00	324259178703499588	\N	2026-01-15 12:00:05.25+00	30	31	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"query":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[3]}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f282-8000-8000-00000000000f	\\x019bc186f28200040000000000000004	\\x000000000000000f	019bc186-f282-8000-8000-00000000000d	f	context	retrieve	success	2026-01-15 12:00:06+00	2026-01-15 12:00:06+00	324259180306954709	\N	2026-01-15 12:00:05.25+00	32	33	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"query":"Turn 3: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f282-8000-8000-000000000010	\\x019bc186f28200040000000000000004	\\x0000000000000010	019bc186-f282-8000-8000-00000000000d	f	prompt	engage_user	success	2026-01-15 12:00:06+00	2026-01-15 12:00:07+00	324259177801130697	\N	2026-01-15 12:00:05.25+00	34	35	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	engage_user	help	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\\x34a2d9bb15af2a10800f02b86d3a9813b7b4ea45	\N	{"prompt_type":"engage_user","turn_index":3,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":"@link","llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f958-8000-8000-000000000011	\\x019bc186f95800050000000000000005	\\x0000000000000011	\N	t	predefined_behaviour	greet	success	2026-01-15 12:00:07+00	2026-01-15 12:00:07+00	324259178839577654	\N	2026-01-15 12:00:07+00	37	38	agt_support	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	c0ffee00-0000-4000-8000-000000000000	CA1	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	ann	blue	\N	\N	free_form	w1	p1	live	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"trigger":"open","input":"hi","output":"hello"}	\N	{"interaction_type":"free_form","widget_id":"w1","placement_id":"p1","deployment_type":"live"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f958-8000-8000-000000000012	\\x019bc186f95800060000000000000006	\\x0000000000000012	\N	t	master	answer	success	2026-01-15 12:00:07+00	2026-01-15 12:00:08.75+00	324259177536783316	\N	2026-01-15 12:00:07+00	39	47	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","output":"Hold the button."}	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f958-8000-8000-000000000013	\\x019bc186f95800060000000000000006	\\x0000000000000013	019bc186-f958-8000-8000-000000000012	f	tool_call	search_kb	success	2026-01-15 12:00:07.25+00	2026-01-15 12:00:07.75+00	324259180949021646	\N	2026-01-15 12:00:07+00	41	42	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"query":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","z":1,"a":2},"output":{"found":[9]}}	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f958-8000-8000-000000000014	\\x019bc186f95800060000000000000006	\\x0000000000000014	019bc186-f958-8000-8000-000000000012	f	context	retrieve	success	2026-01-15 12:00:07.75+00	2026-01-15 12:00:07.75+00	324259179182765767	\N	2026-01-15 12:00:07+00	43	44	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"query":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on","documents":[{"text":"Hold the button.","score":0.5}]}	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc186-f958-8000-8000-000000000015	\\x019bc186f95800060000000000000006	\\x0000000000000015	019bc186-f958-8000-8000-000000000012	f	prompt	engage_user	success	2026-01-15 12:00:07.75+00	2026-01-15 12:00:08.75+00	324259179693021998	\N	2026-01-15 12:00:07+00	45	46	agt_support	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	\N	\N	4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11	bob	red	engage_user	help	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"prompt_type":"engage_user","turn_index":9,"system_prompt":"You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. You help people whose widgets do not turn on. Be kind. ","history":[{"role":"user","content":"Turn 9: my widget — Größe 7 \\u0000 \\\\ud800 — does not turn on"}],"llm_model":"gpt-5","state_name":"help","tool_names":["search_kb","escalate"],"llm_response":"Hold the button.","usage":{"input_tokens":812,"output_tokens":95}}	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc187-002e-8000-8000-000000000016	\\x019bc187002e00070000000000000007	\\x0000000000000016	\N	t	checkout	pay	success	2026-01-15 12:00:08.75+00	2026-01-15 12:00:08.75+00	324259183266262189	\N	2026-01-15 12:00:08.75+00	48	49	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	agenttrace	\N	31c41a66-66f7-5e48-ba2b-8dee8b5f9fc7	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"input":{"b":1,"a":[null,true,0.5]}}	\N	{"basket":"x"}
f6452aa2-0e25-5818-b977-4b0e086d171e	019bc1f4-a800-8000-8000-000000000001	\\x019bc1f4a80000000000000000000abc	\\x0000000000000001	\N	t	prompt	chat gpt-5	success	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	4294967296	\N	2026-01-15 12:00:00+00	0	1099511627775	\N	0e926eac-e0a3-5e2c-a4d5-43b840230da1	0e926eac-e0a3-5e2c-a4d5-43b840230da1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	fixture	\N	\N	2026-01-15 12:00:08.75+00	\N	\N	\N	\N	{"history":[{"role":"user","content":"Is it on?"}],"full_prompt":"Is it on?","llm_model":"gpt-5"}	\N	{"conversation_id":"far away"}
\.
COPY session ("workspace_id", "id", "key", "agent_key", "user_id", "team_id", "conversation_id", "call_sid", "created_at", "last_message_at", "reset_at") FROM STDIN;
22222222-2222-4222-8222-222222222222	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	ase_a63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support	ann	blue	c0ffee00-0000-4000-8000-000000000000	CA1	2026-01-15 12:00:08.75+00	2026-01-15 12:00:14+00	\N
22222222-2222-4222-8222-222222222222	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	ase_b63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support	bob	red	\N	\N	2026-01-15 12:00:15.75+00	2026-01-15 12:00:17.5+00	\N
22222222-2222-4222-8222-222222222222	b78cdb59-60d3-54c6-84d0-8c449a24d3b3	ase_b78cdb59-60d3-54c6-84d0-8c449a24d3b3	\N	\N	\N	b78cdb59-60d3-54c6-84d0-8c449a24d3b3	\N	2026-01-15 12:00:00+00	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	0e926eac-e0a3-5e2c-a4d5-43b840230da1	ase_0e926eac-e0a3-5e2c-a4d5-43b840230da1	\N	\N	\N	0e926eac-e0a3-5e2c-a4d5-43b840230da1	\N	2026-01-15 12:00:00+00	\N	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	ase_a63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support	ann	blue	c0ffee00-0000-4000-8000-000000000000	CA1	2026-01-15 12:00:00+00	2026-01-15 12:00:05.25+00	\N
f6452aa2-0e25-5818-b977-4b0e086d171e	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	ase_b63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support	bob	red	\N	\N	2026-01-15 12:00:07+00	\N	2026-01-15 12:00:17.5+00
\.
COPY session_agent ("workspace_id", "session_id", "agent_key") FROM STDIN;
22222222-2222-4222-8222-222222222222	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support
22222222-2222-4222-8222-222222222222	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support
f6452aa2-0e25-5818-b977-4b0e086d171e	a63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support
f6452aa2-0e25-5818-b977-4b0e086d171e	b63ab83d-2bb8-42ab-8374-23b8e1e276e3	agt_support
\.
COPY span ("workspace_id", "trace_id", "span_id", "version", "process_id", "start_time", "end_time", "data") FROM STDIN;
22222222-2222-4222-8222-222222222222	\\x019bc1f4a80000000000000000000abc	\\x0000000000000001	288230377358715306	\N	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	{"trace":"019bc1f4a80000000000000000000abc","span":"0000000000000001","name":"chat gpt-5","kind":"internal","start":1768478400000000,"end":1768478404999999,"lib":{"name":"fixture"},"scope":{"workspace_id":"22222222-2222-4222-8222-222222222222"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-5","gen_ai.input.messages":"[{\\"role\\":\\"user\\",\\"parts\\":[{\\"type\\":\\"text\\",\\"content\\":\\"Is it on?\\"}]}]","gen_ai.conversation.id":"far away"}}
22222222-2222-4222-8222-222222222222	\\x019bc1f4a80000000000000000000abc	\\x0000000000000002	288230379485483746	\N	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	{"trace":"019bc1f4a80000000000000000000abc","span":"0000000000000002","parent":"0000000000000001","name":"POST","kind":"internal","start":1768478400000000,"end":1768478404999999,"lib":{"name":"fixture"},"scope":{"workspace_id":"22222222-2222-4222-8222-222222222222"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-5","gen_ai.input.messages":"[{\\"role\\":\\"user\\",\\"parts\\":[{\\"type\\":\\"text\\",\\"content\\":\\"Is it on?\\"}]}]","gen_ai.conversation.id":"far away"}}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x019bc1f4a80000000000000000000abc	\\x0000000000000001	288230378245888697	\N	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	{"trace":"019bc1f4a80000000000000000000abc","span":"0000000000000001","name":"chat gpt-5","kind":"internal","start":1768478400000000,"end":1768478404999999,"lib":{"name":"fixture"},"scope":{"workspace_id":"f6452aa2-0e25-5818-b977-4b0e086d171e"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-5","gen_ai.input.messages":"[{\\"role\\":\\"user\\",\\"parts\\":[{\\"type\\":\\"text\\",\\"content\\":\\"Is it on?\\"}]}]","gen_ai.conversation.id":"far away"}}
f6452aa2-0e25-5818-b977-4b0e086d171e	\\x019bc1f4a80000000000000000000abc	\\x0000000000000002	288230380406219249	\N	2026-01-15 12:00:00+00	2026-01-15 12:00:04.999999+00	{"trace":"019bc1f4a80000000000000000000abc","span":"0000000000000002","parent":"0000000000000001","name":"POST","kind":"internal","start":1768478400000000,"end":1768478404999999,"lib":{"name":"fixture"},"scope":{"workspace_id":"f6452aa2-0e25-5818-b977-4b0e086d171e"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-5","gen_ai.input.messages":"[{\\"role\\":\\"user\\",\\"parts\\":[{\\"type\\":\\"text\\",\\"content\\":\\"Is it on?\\"}]}]","gen_ai.conversation.id":"far away"}}
\.
