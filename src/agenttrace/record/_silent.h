/* Quiet: what a span that records nothing stands for, see record/span.py. Include _state.h before. */

enum { MAKERS, RUN_TYPE, NAME, WORDS, GIVEN, KEY_OF, INPUT, OUTPUT, DOCUMENTS, RESPONSE, QUIET_OBJECTS };

typedef struct {
    PyObject_HEAD
    PyObject *object[QUIET_OBJECTS];
} Quiet;

static PyTypeObject *quiet_type;

static PyMemberDef quiet_members[] = {
    AN_OBJECT(Quiet, "_makers", MAKERS), AN_OBJECT(Quiet, "_run_type", RUN_TYPE), AN_OBJECT(Quiet, "_name", NAME),
    AN_OBJECT(Quiet, "_words", WORDS),   AN_OBJECT(Quiet, "_given", GIVEN),       AN_OBJECT(Quiet, "_key_of", KEY_OF),
    AN_OBJECT(Quiet, "input", INPUT),    AN_OBJECT(Quiet, "output", OUTPUT),      AN_OBJECT(Quiet, "documents", DOCUMENTS),
    AN_OBJECT(Quiet, "response", RESPONSE), {0},
};

COLLECTED(Quiet, quiet, object[0], QUIET_OBJECTS)

static PyObject *enter_quietly(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    Py_INCREF(self);
    return self;
}

static PyObject *exit_quietly(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    (void)arguments;
    (void)count;
    Py_RETURN_NONE;
}

static PyMethodDef quiet_methods[] = {
    {"__enter__", enter_quietly, METH_NOARGS, "Do nothing."},
    {"__exit__", (PyCFunction)(void (*)(void))exit_quietly, METH_FASTCALL,
     "Do nothing; an exception goes on unchanged."},
    {0},
};
static PyType_Slot quiet_slots[] = {
    {Py_tp_members, quiet_members}, {Py_tp_methods, quiet_methods}, {Py_tp_traverse, traverse_quiet},
    {Py_tp_clear, clear_quiet}, {Py_tp_dealloc, dealloc_quiet}, {0, NULL},
};
static PyType_Spec quiet_spec = {
    "agenttrace.record._native.Quiet", sizeof(Quiet), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, quiet_slots,
};

static int add_quiet(PyObject *module)
{
    quiet_type = (PyTypeObject *)PyType_FromSpec(&quiet_spec);
    return quiet_type != NULL && PyModule_AddObjectRef(module, "Quiet", (PyObject *)quiet_type) == 0;
}

/* A new one of this class; what was given is for the caller to fill in. */
static PyObject *new_quiet(PyObject *class, PyObject *makers, PyObject *run_type, PyObject *name)
{
    PyObject *made = PyType_GenericAlloc((PyTypeObject *)class, 0);
    if (made != NULL) {
        PyObject **object = ((Quiet *)made)->object;
        object[MAKERS] = Py_NewRef(makers);
        object[RUN_TYPE] = Py_NewRef(run_type);
        object[NAME] = Py_NewRef(name);
    }
    return made;
}
