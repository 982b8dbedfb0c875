/* The fields of spans, recorders, options and scopes, see record/state.py. Include Python.h and structmember.h before. */

/* The numbers of record/state.py and of model/wire.py. */
enum { NEW, PENDING, RUNNING, ENDED };
enum { IS_SUCCESS = 2, RANK_END = 4, HOME = 1 << 23 };

enum { RECORDER, OPTIONS, SPAN, CONTENT, VALUES, EXTRA, TOKEN, TRACE, FIXED, PARENT, ROOT, SCOPE, PLACE, STATE_OBJECTS };

typedef struct {
    PyObject_HEAD
    PyObject *object[STATE_OBJECTS];
    long long started_at, turn, end_time;
    unsigned long long end_number;
    Py_ssize_t head, said; /* of the first version: bytes before its content, and values in it */
    int state, revision, flags, generation, end_status;
} State;

enum {
    ENABLED,
    CLOCK,
    NEW_TRACE,
    NEW_SPAN,
    SEQUENCE,
    APPEND_PARTS,
    APPEND_AGAIN,
    LIMIT,
    HEADS,
    BASE_SCOPE,
    GEAR_OBJECTS,
};

typedef struct {
    PyObject_HEAD
    PyObject *object[GEAR_OBJECTS];
    int generation;
} Gear;

enum { OF_TYPE, OF_SCOPE, STATIC, OPTION_OBJECTS };

typedef struct {
    PyObject_HEAD
    PyObject *object[OPTION_OBJECTS];
} OptionFields;

typedef struct {
    PyObject_HEAD
    PyObject *envelopes;
} ScopeFields;

static PyTypeObject *state_type, *gear_type, *options_type, *scope_type;

#define AN_OBJECT(type, name, number) {name, T_OBJECT_EX, offsetof(type, object) + (number) * sizeof(PyObject *), 0, NULL}

static PyMemberDef state_members[] = {
    AN_OBJECT(State, "_recorder", RECORDER),
    AN_OBJECT(State, "_options", OPTIONS),
    AN_OBJECT(State, "_span", SPAN),
    AN_OBJECT(State, "_content", CONTENT),
    AN_OBJECT(State, "_values", VALUES),
    AN_OBJECT(State, "_extra", EXTRA),
    AN_OBJECT(State, "token", TOKEN),
    AN_OBJECT(State, "_trace", TRACE),
    AN_OBJECT(State, "_fixed", FIXED),
    AN_OBJECT(State, "_parent", PARENT),
    AN_OBJECT(State, "_root", ROOT),
    AN_OBJECT(State, "_scope", SCOPE),
    AN_OBJECT(State, "_place", PLACE),
    {"_started_at", T_LONGLONG, offsetof(State, started_at), 0, NULL},
    {"_turn", T_LONGLONG, offsetof(State, turn), 0, NULL},
    {"_end_time", T_LONGLONG, offsetof(State, end_time), 0, NULL},
    {"_end_number", T_ULONGLONG, offsetof(State, end_number), 0, NULL},
    {"_end_status", T_INT, offsetof(State, end_status), 0, NULL},
    {"_state", T_INT, offsetof(State, state), 0, NULL},
    {"_revision", T_INT, offsetof(State, revision), 0, NULL},
    {"_flags", T_INT, offsetof(State, flags), 0, NULL},
    {"_generation", T_INT, offsetof(State, generation), 0, NULL},
    {0},
};

static PyMemberDef gear_members[] = {
    AN_OBJECT(Gear, "enabled", ENABLED),
    AN_OBJECT(Gear, "clock", CLOCK),
    AN_OBJECT(Gear, "new_trace", NEW_TRACE),
    AN_OBJECT(Gear, "new_span", NEW_SPAN),
    AN_OBJECT(Gear, "sequence", SEQUENCE),
    AN_OBJECT(Gear, "append_parts", APPEND_PARTS),
    AN_OBJECT(Gear, "append_again", APPEND_AGAIN),
    AN_OBJECT(Gear, "max_content_bytes", LIMIT),
    AN_OBJECT(Gear, "heads", HEADS),
    AN_OBJECT(Gear, "scope", BASE_SCOPE),
    {"generation", T_INT, offsetof(Gear, generation), 0, NULL},
    {0},
};

static PyMemberDef options_members[] = {
    AN_OBJECT(OptionFields, "run_type", OF_TYPE),
    AN_OBJECT(OptionFields, "scope", OF_SCOPE),
    AN_OBJECT(OptionFields, "static", STATIC),
    {0},
};

static PyMemberDef scope_members[] = {
    {"envelopes", T_OBJECT_EX, offsetof(ScopeFields, envelopes), 0, NULL},
    {0},
};

/* Put an object into a field, whose old one goes last: its end may run any code. */
static void take_into(PyObject **field, PyObject *value)
{
    PyObject *old = *field;
    *field = value;
    Py_XDECREF(old);
}

static void take(State *state, int field, PyObject *value)
{
    take_into(&state->object[field], value);
}

static void keep(State *state, int field, PyObject *value)
{
    Py_INCREF(value);
    take(state, field, value);
}

static int visit_all(PyObject *self, PyObject **objects, int count, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (int i = 0; i < count; i++) {
        Py_VISIT(objects[i]);
    }
    return 0;
}

static int clear_all(PyObject **objects, int count)
{
    for (int i = 0; i < count; i++) {
        take_into(&objects[i], NULL);
    }
    return 0;
}

static void dealloc_all(PyObject *self, PyObject **objects, int count)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear_all(objects, count);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* What the garbage collector needs of a type all of whose objects lie in one row. */
#define COLLECTED(type, name, first, count) \
    static int traverse_##name(PyObject *self, visitproc visit, void *arg) \
    { \
        return visit_all(self, &((type *)self)->first, count, visit, arg); \
    } \
    static int clear_##name(PyObject *self) \
    { \
        return clear_all(&((type *)self)->first, count); \
    } \
    static void dealloc_##name(PyObject *self) \
    { \
        dealloc_all(self, &((type *)self)->first, count); \
    }

COLLECTED(State, state, object[0], STATE_OBJECTS)
COLLECTED(Gear, gear, object[0], GEAR_OBJECTS)
COLLECTED(OptionFields, options, object[0], OPTION_OBJECTS)
COLLECTED(ScopeFields, scope, envelopes, 1)

/* In _native.c. */
static PyObject *enter_block(PyObject *self, PyObject *nothing);
static PyObject *exit_block(PyObject *self, PyObject *const *given, Py_ssize_t count);

static PyMethodDef state_methods[] = {
    {"__enter__", enter_block, METH_NOARGS, "Start the span and make it the current one."},
    {"__exit__", (PyCFunction)(void (*)(void))exit_block, METH_FASTCALL,
     "End the span, as failed where an exception leaves the block; the exception goes on unchanged."},
    {0},
};

static PyType_Slot state_slots[] = {
    {Py_tp_members, state_members}, {Py_tp_methods, state_methods}, {Py_tp_traverse, traverse_state}, {Py_tp_clear, clear_state},
    {Py_tp_dealloc, dealloc_state}, {0, NULL},
};
static PyType_Slot gear_slots[] = {
    {Py_tp_members, gear_members}, {Py_tp_traverse, traverse_gear}, {Py_tp_clear, clear_gear},
    {Py_tp_dealloc, dealloc_gear}, {0, NULL},
};
static PyType_Slot options_slots[] = {
    {Py_tp_members, options_members}, {Py_tp_traverse, traverse_options}, {Py_tp_clear, clear_options},
    {Py_tp_dealloc, dealloc_options}, {0, NULL},
};
static PyType_Slot scope_slots[] = {
    {Py_tp_members, scope_members}, {Py_tp_traverse, traverse_scope}, {Py_tp_clear, clear_scope},
    {Py_tp_dealloc, dealloc_scope}, {0, NULL},
};
static PyType_Spec state_spec = {
    "agenttrace.record._native.State", sizeof(State), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, state_slots,
};
static PyType_Spec gear_spec = {
    "agenttrace.record._native.Gear", sizeof(Gear), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, gear_slots,
};
static PyType_Spec options_spec = {
    "agenttrace.record._native.OptionFields", sizeof(OptionFields), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, options_slots,
};
static PyType_Spec scope_spec = {
    "agenttrace.record._native.ScopeFields", sizeof(ScopeFields), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, scope_slots,
};

/* Make a type, and have the module name it; NULL and an exception where that fails. */
static PyTypeObject *added(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (type != NULL && PyModule_AddObjectRef(module, strrchr(spec->name, '.') + 1, type) < 0) {
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

static int add_types(PyObject *module)
{
    return (state_type = added(module, &state_spec)) != NULL && (gear_type = added(module, &gear_spec)) != NULL &&
           (options_type = added(module, &options_spec)) != NULL && (scope_type = added(module, &scope_spec)) != NULL;
}

/* The span as what it is, with the fields that it has from the beginning; NULL and an exception where it has not. */
static State *state_of(PyObject *span)
{
    State *state = (State *)span;
    if (!PyObject_TypeCheck(span, state_type)) {
        PyErr_SetString(PyExc_TypeError, "span: no span of ours");
        return NULL;
    }
    for (int i = RECORDER; i <= TOKEN; i++) {
        if (state->object[i] == NULL) {
            PyErr_SetString(PyExc_AttributeError, "span: was not initialised");
            return NULL;
        }
    }
    if (!PyBytes_Check(state->object[SPAN]) || !PyDict_Check(state->object[CONTENT]) || !PyDict_Check(state->object[VALUES])) {
        PyErr_SetString(PyExc_TypeError, "span: fields of another type");
        return NULL;
    }
    return state;
}

/* A span's options with their fields; NULL and an exception where they have not. Borrowed. */
static OptionFields *options_of(State *state)
{
    PyObject *options = state->object[OPTIONS];
    OptionFields *fields = (OptionFields *)options;
    if (options == NULL || !PyObject_TypeCheck(options, options_type) || fields->object[OF_TYPE] == NULL ||
        fields->object[OF_SCOPE] == NULL || fields->object[STATIC] == NULL) {
        PyErr_SetString(PyExc_TypeError, "options: no options of ours");
        return NULL;
    }
    return fields;
}

static Gear *gear_of(State *state)
{
    PyObject *recorder = state->object[RECORDER];
    if (recorder == NULL || !PyObject_TypeCheck(recorder, gear_type)) {
        PyErr_SetString(PyExc_TypeError, "recorder: no recorder of ours");
        return NULL;
    }
    Gear *gear = (Gear *)recorder;
    for (int i = 0; i < GEAR_OBJECTS; i++) {
        if (gear->object[i] == NULL) {
            PyErr_SetString(PyExc_AttributeError, "recorder: was not initialised");
            return NULL;
        }
    }
    return gear;
}
