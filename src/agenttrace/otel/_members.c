/* members(head, attributes, keys, other): a head and behind it the attributes as one JSON object, redacted.
 *
 * What is a text without a sign of a secret, a number or a truth value is written here, where its key is known to be
 * harmless; for everything else `other(name, value)` gives the member. The same in Python stands in
 * otel/attributes.py, and is used where this could not be built. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../record/_scan.h"
#include "../record/_write.h"

static int put_bytes(Buffer *buffer, PyObject *bytes)
{
    char *data;
    Py_ssize_t size;
    return PyBytes_AsStringAndSize(bytes, &data, &size) == 0 && put(buffer, data, (size_t)size);
}

static int put_text(Buffer *buffer, const Text *text, int escapes)
{
    size_t size = (size_t)(text->end - text->start);
    return put(buffer, "\"", 1) &&
           (escapes ? put_escaped(buffer, text->start, text->end) : put(buffer, text->start, size)) &&
           put(buffer, "\"", 1);
}

/* 1: written; 0: not for here; -1: an exception is set. */
static int put_string(Buffer *buffer, PyObject *head, PyObject *value, int listed)
{
    Py_ssize_t size;
    const char *start = PyUnicode_AsUTF8AndSize(value, &size); /* of ASCII text this is no copy */
    if (start == NULL) {
        PyErr_Clear(); /* a lone surrogate */
        return 0;
    }
    Text text = {start, start + size, 0, 0};
    int found = look_through(&text);
    if (found & ~ESCAPE) {
        return 0;
    }
    int done = put_bytes(buffer, head) && put(buffer, "[", (size_t)listed) && put_text(buffer, &text, found) &&
               put(buffer, "]", (size_t)listed);
    return done ? 1 : -1;
}

/* Of lists only those of one text: the first of two may name the second as a secret. */
static int put_list(Buffer *buffer, PyObject *head, PyObject *value)
{
    PyObject *item = PyTuple_Size(value) == 1 ? PyTuple_GetItem(value, 0) : NULL;
    return item != NULL && PyUnicode_CheckExact(item) ? put_string(buffer, head, item, 1) : 0;
}

/* Fractions that are written without an exponent. */
static int put_fraction(Buffer *buffer, PyObject *head, PyObject *value)
{
    double number = PyFloat_AsDouble(value), size = number < 0 ? -number : number;
    if (!(size == 0 || (size >= 1e-4 && size < SMALL))) {
        return 0;
    }
    char *digits = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    int done = digits != NULL && put_bytes(buffer, head) && put(buffer, digits, strlen(digits));
    PyMem_Free(digits);
    return done ? 1 : -1;
}

static int put_number(Buffer *buffer, PyObject *head, PyObject *value)
{
    int overflow;
    char digits[24];
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow || number <= -SMALL || number >= SMALL) {
        return 0;
    }
    int size = snprintf(digits, sizeof digits, "%lld", number);
    return put_bytes(buffer, head) && put(buffer, digits, (size_t)size) ? 1 : -1;
}

static int put_plain(Buffer *buffer, PyObject *head, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        return put_string(buffer, head, value, 0);
    }
    if (PyLong_CheckExact(value)) {
        return put_number(buffer, head, value);
    }
    if (PyFloat_CheckExact(value)) {
        return put_fraction(buffer, head, value);
    }
    if (PyTuple_CheckExact(value)) {
        return put_list(buffer, head, value);
    }
    if (value == Py_True || value == Py_False) {
        const char *word = value == Py_True ? "true" : "false";
        return put_bytes(buffer, head) && put(buffer, word, strlen(word)) ? 1 : -1;
    }
    return 0;
}

static int put_other(Buffer *buffer, PyObject *name, PyObject *value, PyObject *other)
{
    PyObject *member = PyObject_CallFunctionObjArgs(other, name, value, NULL);
    int done = member != NULL && put_bytes(buffer, member);
    Py_XDECREF(member);
    return done;
}

static int put_member(Buffer *buffer, PyObject *name, PyObject *value, PyObject *keys, PyObject *other)
{
    PyObject *head = PyDict_GetItemWithError(keys, name);
    if (head == NULL) {
        return PyErr_Occurred() == NULL && put_other(buffer, name, value, other);
    }
    int done = put_plain(buffer, head, value);
    return done == 0 ? put_other(buffer, name, value, other) : done > 0;
}

static int put_all(Buffer *buffer, PyObject *head, PyObject *attributes, PyObject *keys, PyObject *other)
{
    Py_ssize_t size, at = 0;
    const char *start = PyUnicode_AsUTF8AndSize(head, &size);
    if (start == NULL || !put(buffer, start, (size_t)size) || !put(buffer, "{", 1)) {
        return 0;
    }
    PyObject *name, *value;
    for (int first = 1; PyDict_Next(attributes, &at, &name, &value); first = 0) {
        if ((!first && !put(buffer, ",", 1)) || !put_member(buffer, name, value, keys, other)) {
            return 0;
        }
    }
    return put(buffer, "}", 1);
}

static int is_taken;

static PyObject *members(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    if (count != 4 || !PyUnicode_Check(given[0]) || !PyDict_Check(given[1]) || !PyDict_Check(given[2])) {
        PyErr_SetString(PyExc_TypeError, "members: takes a text, two dicts and a function");
        return NULL;
    }
    /* `other` runs Python code, in which somebody may come here again: there is one buffer for the outermost call. */
    Buffer own = {NULL, 0, 0};
    int outermost = !is_taken;
    Buffer *buffer = outermost ? open_buffer() : &own;
    is_taken = 1;
    PyObject *made = NULL;
    if (put_all(buffer, given[0], given[1], given[2], given[3])) {
        made = PyBytes_FromStringAndSize(buffer->data, (Py_ssize_t)buffer->size);
    }
    if (outermost) {
        is_taken = 0;
        close_buffer(buffer);
    } else {
        PyMem_Free(own.data);
    }
    return made;
}

static PyMethodDef methods[] = {
    {"members", (PyCFunction)(void (*)(void))members, METH_FASTCALL, "Write attributes behind a head."}, {0}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_members", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__members(void)
{
    return PyModule_Create(&definition);
}
