/* What the way of a span needs from Python. Include Python.h before. */

/* Given by record/emission.py, once. */
static struct {
    PyObject *get, *enter, *reset; /* of OpenTelemetry's context variable */
    PyObject *context;             /* OpenTelemetry's Context */
    PyObject *current, *ours, *scope; /* keys of it */
    PyObject *key_json, *envelope_keys, *unset;
    PyObject *kind, *first_version, *success;
} given;

enum {
    N_ENVELOPE,
    N_APPEND_VERSION,
    N_SET,
    N_OPTIONS,
    N_RECORDER,
    N_STATE_NAME,
    N_NAMES,
};
static PyObject *const_names[N_NAMES];

typedef PyObject *(*fast_function)(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* Call a function; one that is written in C without a tuple for its arguments. */
static PyObject *called(PyObject *function, PyObject *const *arguments, Py_ssize_t count)
{
    if (PyCFunction_Check(function)) {
        PyCFunction code = PyCFunction_GetFunction(function);
        PyObject *self = PyCFunction_GetSelf(function);
        int flags = PyCFunction_GetFlags(function);
        if (flags == METH_FASTCALL) {
            return ((fast_function)(void (*)(void))code)(self, arguments, count);
        }
        if (count == 1 ? flags == METH_O : count == 0 && flags == METH_NOARGS) {
            return code(self, count == 1 ? arguments[0] : NULL);
        }
    }
    PyObject *tuple = PyTuple_New(count), *made = NULL;
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyTuple_SetItem(tuple, i, Py_NewRef(arguments[i]));
    }
    if (tuple != NULL) {
        made = PyObject_CallObject(function, tuple);
        Py_DECREF(tuple);
    }
    return made;
}


/* Change the context by a function of its variable. Before Python 3.12 the garbage collector may run inside such a
 * function, and finalizers with it; one that records a span changes the context as well, and frees what the function,
 * which does not hold it, goes on to read. So the collector waits. */
static PyObject *changed_by(PyObject *function, PyObject *argument)
{
    int waits = Py_Version < 0x030C0000 && PyGC_Disable();
    PyObject *made = called(function, &argument, 1);
    if (waits) {
        PyGC_Enable();
    }
    return made;
}
