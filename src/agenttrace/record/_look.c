/* look(text): says what could be a secret in a text, and gives its JSON where nothing could. Stable ABI of Python 3.11. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_scan.h"

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

static PyMethodDef methods[] = {{"look", look, METH_O, "Say what could be a secret, or return the JSON."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_look", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__look(void)
{
    return PyModule_Create(&definition);
}
