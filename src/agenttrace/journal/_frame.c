/* encode(kind, payload, salt): one frame of a journal segment, in one allocation and one pass. And `populate`.
 *
 * The same in Python stands in journal/frames.py, and is used where this could not be built; a test holds the two
 * together. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_frame.h"
#ifndef _WIN32
#include "_pages.h"
#endif

static PyObject *encode(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError, "encode: kind, payload and salt are needed");
    }
    uint32_t kind = as_number(args[0]);
    uint32_t salt = PyErr_Occurred() ? 0 : as_number(args[2]);
    return PyErr_Occurred() ? NULL : new_frame(kind, salt, args + 1, 1);
}

static PyMethodDef methods[] = {
    {"encode", (PyCFunction)(void (*)(void))encode, METH_FASTCALL, "Return a whole frame."},
#ifndef _WIN32
    {"populate", (PyCFunction)(void (*)(void))populate, METH_FASTCALL, "Advise the kernel about part of a buffer."},
#endif
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_frame", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__frame(void)
{
    prepare_frames();
    return PyModule_Create(&definition);
}
