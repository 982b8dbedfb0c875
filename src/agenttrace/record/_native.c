/* The usual way of a span, see record/usual.py, where the same stands in Python; and the fields of spans and recorders.
 *
 * A span is begun, filled and ended here if nothing about it is special; else False is returned, with nothing done.
 * Nothing here gives up the GIL. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

/* In this order. */
#include "_ids.h"
#include "_plain.h"
#include "_memo.h"
#include "_state.h"
#include "_given.h"
#include "_version.h"
#include "_begin.h"
#include "_end.h"
#include "_silent.h"

static PyObject *result(int done)
{
    return done < 0 ? NULL : PyBool_FromLong(done);
}

/* 1: kept; 0: not so simple; -1: an exception. */
static int kept(State *state, Gear *gear, PyObject *key, PyObject *value)
{
    if (gear->object[HEADS] == NULL || !PyDict_Check(gear->object[HEADS])) {
        return 0;
    }
    PyObject *json = known_json(key, value, gear->object[HEADS], (size_t)PyLong_AsSsize_t(gear->object[LIMIT]));
    int done = json == NULL ? -1 : PyBytes_Check(json) ? 1 : 0;
    Py_ssize_t count = PyDict_Size(state->object[CONTENT]);
    if (done > 0 && PyDict_SetItem(state->object[CONTENT], key, json) < 0) {
        done = -1;
    }
    if (done > 0 && state->object[PLACE] != NULL && PyDict_Size(state->object[CONTENT]) == count) {
        take(state, PLACE, NULL); /* it is not what was said at the start any more */
    }
    Py_XDECREF(json);
    return done;
}

/* 1: kept, and the value itself for who reads it back; 0: not so simple; -1: an exception. */
static int filled(PyObject *span, PyObject *key, PyObject *value, int remember)
{
    State *state = state_of(span);
    Gear *gear = state == NULL ? NULL : gear_of(state);
    if (gear == NULL) {
        return -1;
    }
    int special = PySet_Contains(given.envelope_keys, key);
    if (special || gear->object[ENABLED] != Py_True || state->state == ENDED) {
        return special < 0 ? -1 : 0;
    }
    int done = kept(state, gear, key, value);
    if (done > 0 && remember && PyDict_SetItem(state->object[VALUES], key, value) < 0) {
        done = -1;
    }
    if (done < 0 && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear(); /* no memory: who takes care reports it */
        done = 0;
    }
    return done;
}

static PyObject *fill(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 4) {
        return PyErr_Format(PyExc_TypeError, "fill: takes a span, a key, a value and whether to remember it");
    }
    return result(filled(arguments[0], arguments[1], arguments[2], arguments[3] == Py_True));
}

/* Keep the values that a new span was made with; 0 for an exception. */
static int keep_all(State *state, Gear *gear, PyObject *values)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (gear->object[ENABLED] == Py_True && PyDict_Next(values, &at, &key, &value)) {
        int done = kept(state, gear, key, value);
        if (done == 0) { /* it sets the same key, so the next one stays where it is */
            PyObject *set = PyObject_CallMethodObjArgs((PyObject *)state, const_names[N_SET], key, value, NULL);
            Py_XDECREF(set);
            done = set == NULL ? -1 : 1;
        }
        if (done < 0) {
            return 0;
        }
    }
    return 1;
}

/* A new span with these values, by content key, which it takes as its own; NULL for an exception. */
static PyObject *made(PyTypeObject *type, PyObject *recorder, PyObject *options, PyObject *values)
{
    if (!PyType_IsSubtype(type, state_type)) {
        return PyErr_Format(PyExc_TypeError, "opened: takes a class of spans");
    }
    PyObject *span = PyType_GenericAlloc(type, 0);
    State *state = (State *)span;
    if (span == NULL) {
        return NULL;
    }
    keep(state, RECORDER, recorder);
    keep(state, OPTIONS, options);
    keep(state, EXTRA, Py_None);
    keep(state, TOKEN, Py_None);
    take(state, SPAN, PyBytes_FromStringAndSize(NULL, 0));
    take(state, CONTENT, PyDict_New());
    keep(state, VALUES, values);
    if (gear_of(state) == NULL || !state->object[SPAN] || !state->object[CONTENT] ||
        !keep_all(state, (Gear *)recorder, values)) {
        Py_CLEAR(span);
    }
    return span;
}

static PyObject *opened(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count < 3 || count > 4 || !PyType_Check(arguments[0]) || (count == 4 && !PyDict_Check(arguments[3]))) {
        return PyErr_Format(PyExc_TypeError, "opened: takes a class, a recorder, options and values");
    }
    PyObject *key, *value, *values = PyDict_New(), *span = NULL;
    Py_ssize_t at = 0;
    int done = values != NULL;
    while (done && count == 4 && PyDict_Next(arguments[3], &at, &key, &value)) {
        done = value == Py_None || value == given.unset || PyDict_SetItem(values, key, value) == 0;
    }
    if (done) {
        span = made((PyTypeObject *)arguments[0], arguments[1], arguments[2], values);
    }
    Py_XDECREF(values);
    return span;
}

#include "_held.h"
#include "_maker.h"

/* --- life --- */

/* 1: begun; 0: not so simple; -1: an exception. */
static int begin_it(PyObject *span)
{
    State *state = state_of(span);
    Gear *gear = state == NULL ? NULL : gear_of(state);
    if (gear == NULL) {
        return -1;
    }
    int simple = gear->object[ENABLED] == Py_True && state->state == NEW && state->object[EXTRA] == Py_None &&
                 PyBytes_Size(state->object[SPAN]) == 0;
    return simple ? begun(state, gear) : 0;
}

static int end_it(PyObject *span)
{
    State *state = state_of(span);
    Gear *gear = state == NULL ? NULL : gear_of(state);
    if (gear == NULL) {
        return -1;
    }
    int simple = gear->object[ENABLED] == Py_True && state->state == RUNNING && state->object[EXTRA] == Py_None &&
                 state->generation == gear->generation;
    return simple ? ended(state, gear) : 0;
}

static PyObject *begin(PyObject *module, PyObject *span)
{
    (void)module;
    return result(begin_it(span));
}

static PyObject *end(PyObject *module, PyObject *span)
{
    (void)module;
    return result(end_it(span));
}

/* Report the exception that is set, of what is no more to be done; 0 where it is to be raised. */
static int report(PyObject *span, const char *place)
{
    PyObject *type, *error, *traceback, *recorder = ((State *)span)->object[RECORDER], *told;
    if (recorder == NULL || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return 0;
    }
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    told = PyObject_CallMethod(recorder, "failed", "Os", error, place);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    Py_XDECREF(told);
    return told != NULL;
}

static PyObject *enter_block(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    int done = begin_it(self);
    if (done == 0) {
        return PyObject_CallMethod(self, "_enter_block", NULL);
    }
    if (done < 0 && !report(self, "start")) {
        return NULL;
    }
    Py_INCREF(self);
    return self;
}

static PyObject *exit_block(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError, "__exit__: takes a type, an exception and a traceback");
    }
    int done = arguments[1] == Py_None ? end_it(self) : 0;
    if (done > 0) {
        Py_RETURN_NONE;
    }
    if (done < 0 && !report(self, "end")) {
        PyObject *type, *error, *traceback;
        PyErr_Fetch(&type, &error, &traceback);
        Py_XDECREF(PyObject_CallMethod(self, "leave", NULL));
        PyErr_Restore(type, error, traceback);
        return NULL;
    }
    return PyObject_CallMethod(self, "_exit_block", "OOO", arguments[0], arguments[1], arguments[2]);
}

/* What could be a secret in a text, or its JSON where nothing could: see record/redact.py. */
static PyObject *look(PyObject *module, PyObject *value)
{
    (void)module;
    Py_ssize_t size;
    const char *start = PyUnicode_AsUTF8AndSize(value, &size); /* of ASCII text this is no copy */
    if (start == NULL) {
        return NULL;
    }
    Text text = {start, start + size, 0, 0};
    int found = look_through(&text);
    if (found) {
        return PyLong_FromLong(found);
    }
    PyObject *json = PyBytes_FromStringAndSize(NULL, size + 2);
    if (json != NULL) {
        char *to = PyBytes_AsString(json);
        to[0] = to[size + 1] = '"';
        memcpy(to + 1, start, (size_t)size);
    }
    return json;
}

/* --- the module --- */

static PyObject *prepare(PyObject *module, PyObject *arguments)
{
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OOOOOOOOOOOO", &given.get, &given.enter, &given.reset, &given.context,
                          &given.current, &given.ours, &given.scope, &given.key_json, &given.envelope_keys,
                          &given.unset, &given.kind, &given.first_version)) {
        return NULL;
    }
    Py_INCREF(arguments); /* for good, and with it what is in it */
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_VARARGS, "Give what the others need."},
    {"opened", (PyCFunction)(void (*)(void))opened, METH_FASTCALL, "Return a new span with values."},
    {"classes", classes, METH_VARARGS, "Give the classes that makers make, and that of bound methods."},
    {"fill", (PyCFunction)(void (*)(void))fill, METH_FASTCALL, "Keep a plain value."},
    {"begin", begin, METH_O, "Begin a usual span."},
    {"end", end, METH_O, "End a usual span."},
    {"plain", (PyCFunction)(void (*)(void))plain, METH_FASTCALL, "Return JSON, a new key, or None."},
    {"look", look, METH_O, "Say what could be a secret, or return the JSON."},
    {"seed", seed, METH_O, "Begin new ids from random bytes."},
    {"new_span_id", new_span_id, METH_NOARGS, "Return 8 random bytes."},
    {"new_trace_id", new_trace_id, METH_O, "Return milliseconds in 48 bits and 80 random bits."},
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    static const char *const names[N_NAMES] = {"envelope",  "append_version", "_set", "options",
                                               "_recorder", "state_name"};
    for (int i = 0; i < N_NAMES; i++) {
        if ((const_names[i] = PyUnicode_InternFromString(names[i])) == NULL) {
            return NULL;
        }
    }
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && !(add_types(module) && add_quiet(module) && add_held(module) && add_maker(module))) {
        Py_CLEAR(module);
    }
    return module;
}
