/* What appends records to the journal and takes frames apart, see _frame.h, _repeat.h, _tail.h and _pages.h. Stable ABI of Python 3.11. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* In this order. */
#include "_frame.h"
#include "_repeat.h"
#include "_tail.h"
#ifndef _WIN32
#include "_pages.h"
#endif

static PyMethodDef methods[] = {
    {"crc32", (PyCFunction)(void (*)(void))crc32_of, METH_FASTCALL, "Return the checksum of bytes, as zlib does."},
    {"decode", decode, METH_VARARGS, "Return whole frames and where the next one begins."},
    {"encode", (PyCFunction)(void (*)(void))encode, METH_FASTCALL, "Return a whole frame."},
#ifndef _WIN32
    {"populate", (PyCFunction)(void (*)(void))populate, METH_FASTCALL, "Advise the kernel about part of a buffer."},
#endif
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    prepare_crc();
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && !add_appender(module)) {
        Py_CLEAR(module);
    }
    return module;
}
