/* mark(records, ends, found, first, behind): what `mark_in_python` does in model/superseded.py, where this could not be
 * built. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

enum {
    /* See model/wire.py. */
    RUN = 1,
    FIXED = 56, /* bytes that are the same in all versions */
    RANK = 76,
    FLAGS = 78,
    ENVELOPE = 80,
    RANK_START = 1,
    RANK_END = 4
};

/* The payload of a RUN record that has more than its numbers; NULL where this is none. No exception is left. */
static const char *run_at(PyObject *records, Py_ssize_t place, Py_ssize_t *size)
{
    PyObject *record = PyList_GetItem(records, place);
    if (record == NULL || !PyTuple_Check(record) || PyTuple_Size(record) != 2) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *kind = PyTuple_GetItem(record, 0), *payload = PyTuple_GetItem(record, 1);
    if (!PyLong_Check(kind) || !PyBytes_Check(payload)) {
        return NULL;
    }
    if (PyLong_AsLong(kind) != RUN) {
        PyErr_Clear(); /* too large for a long */
        return NULL;
    }
    *size = PyBytes_Size(payload);
    return *size > ENVELOPE ? PyBytes_AsString(payload) : NULL;
}

/* How long the envelope is, with its newline; 0 where there is none. */
static Py_ssize_t envelope_of(const char *payload, Py_ssize_t size)
{
    const char *line = memchr(payload + ENVELOPE, '\n', (size_t)(size - ENVELOPE));
    return line == NULL ? 0 : line + 1 - (payload + ENVELOPE);
}

/* Whether a start has the envelope of the end that stands at a place. */
static int is_repeated(PyObject *records, PyObject *end, const char *payload, Py_ssize_t size)
{
    Py_ssize_t other_size, place = PyLong_AsSsize_t(end);
    const char *other = PyErr_Occurred() ? NULL : run_at(records, place, &other_size);
    Py_ssize_t length = other == NULL ? 0 : envelope_of(other, other_size);
    return length > 0 && length <= size - ENVELOPE && !memcmp(payload + ENVELOPE, other + ENVELOPE, (size_t)length);
}

static int mark_one(PyObject *records, Py_ssize_t place, PyObject *ends, PyObject *found)
{
    Py_ssize_t size;
    const char *payload = run_at(records, place, &size);
    int rank = payload == NULL ? 0 : payload[RANK];
    if ((rank != RANK_END && rank != RANK_START) || (rank == RANK_START && payload[FLAGS])) {
        return 1;
    }
    PyObject *what = PyBytes_FromStringAndSize(payload, FIXED), *number = PyLong_FromSsize_t(place);
    int done = what != NULL && number != NULL;
    PyObject *end = done ? PyDict_GetItemWithError(ends, what) : NULL;
    done = done && !PyErr_Occurred();
    if (done && rank == RANK_END) {
        done = end != NULL || PyDict_SetItem(ends, what, number) == 0;
    } else if (done && end != NULL && is_repeated(records, end, payload, size)) {
        done = PySet_Add(found, number) == 0;
    }
    Py_XDECREF(what);
    Py_XDECREF(number);
    return done;
}

static PyObject *mark(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *records, *ends, *found;
    Py_ssize_t first, behind;
    if (!PyArg_ParseTuple(arguments, "O!O!O!nn", &PyList_Type, &records, &PyDict_Type, &ends, &PySet_Type, &found,
                          &first, &behind)) {
        return NULL;
    }
    if (first < 0 || behind > PyList_Size(records)) {
        return PyErr_Format(PyExc_ValueError, "mark: there are no records %zd to %zd", first, behind);
    }
    while (behind > first) {
        if (!mark_one(records, --behind, ends, found)) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"mark", mark, METH_VARARGS, "Find starts that an end repeats."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_superseded", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__superseded(void)
{
    return PyModule_Create(&definition);
}
