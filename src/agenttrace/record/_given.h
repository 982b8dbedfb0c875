/* What the way of a span needs from Python. Include Python.h before. */

/* Given by record/usual.py, once. */
static struct {
    PyObject *get, *enter, *reset; /* of OpenTelemetry's context variable */
    PyObject *context;             /* OpenTelemetry's Context */
    PyObject *current, *ours, *scope; /* keys of it */
    PyObject *key_json, *envelope_keys, *unset;
    PyObject *kind, *first_version, *success;
} given;

enum {
    N_SCOPE,
    N_STATIC,
    N_ENVELOPES,
    N_ENVELOPE,
    N_APPEND_VERSION,
    N_SET,
    N_OPTIONS,
    N_RECORDER,
    N_STATE_NAME,
    N_NAMES,
};
static PyObject *const_names[N_NAMES];

