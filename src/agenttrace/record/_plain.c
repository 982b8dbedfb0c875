/* plain(value, heads, limit): JSON of plain values that hold no secret, see record/plain.py. Stable ABI of Python 3.11. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_plain.h"

static PyObject *plain(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    if (count != 3 || !PyDict_Check(given[1])) {
        return PyErr_Format(PyExc_TypeError, "plain: takes a value, a dict and a size");
    }
    size_t limit = PyLong_AsSize_t(given[2]);
    if (limit == (size_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    return plain_json(given[0], given[1], limit);
}

static PyMethodDef methods[] = {
    {"plain", (PyCFunction)(void (*)(void))plain, METH_FASTCALL, "Return JSON, a new key, or None."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_plain", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__plain(void)
{
    return PyModule_Create(&definition);
}
