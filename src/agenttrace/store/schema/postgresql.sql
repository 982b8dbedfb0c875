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
