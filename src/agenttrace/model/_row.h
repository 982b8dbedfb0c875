/* How a stored run lies in memory: RunFields of model/_rows.c, which is what model/rows.py makes its RunRow of.
 * Include Python.h before.
 */
/* The fields in the order of the columns. */
#define FIELDS(of) \
    of(workspace_id) of(id) of(trace_id) of(span_id) of(parent_id) of(is_root) of(run_type) of(name) of(status) \
    of(start_time) of(end_time) of(version) of(process_id) of(turn_time) of(seq) of(end_seq) of(agent_key) \
    of(session_id) of(conversation_id) of(call_sid) of(ai_contact_id) of(user_id) of(team_id) of(prompt_type) \
    of(state_name) of(interaction_type) of(widget_id) of(placement_id) of(deployment_type) of(source) \
    of(source_system) of(service_id) of(ingested_at) of(content) of(error) of(attributes) of(learnt) of(via) \
    of(history_link) of(context_link)
#define NUMBER(name) AT_##name,

enum { FIELDS(NUMBER) COUNT };

/* It holds texts, bytes and numbers, no containers: so the garbage collector need not know it. */
typedef struct {
    PyObject_HEAD
    PyObject *object[COUNT];
} Row;
