/* encode(kind, payload, salt): one frame of a journal segment, in one allocation and one pass. decode(): the frames of a
 * piece of one. And `populate`.
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

enum { LONG = 1 << 16 }; /* bytes */

static uint32_t get(const unsigned char *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* Append (kind, payload) to a list; 0 and an exception where that fails. */
static int add_record(PyObject *records, uint32_t kind, const unsigned char *payload, Py_ssize_t size)
{
    PyObject *record = Py_BuildValue("(Iy#)", (unsigned int)kind, (const char *)payload, size);
    int done = record != NULL && PyList_Append(records, record) == 0;
    Py_XDECREF(record);
    return done;
}

/* Without the GIL where it takes long. */
static uint32_t checksum(uint32_t seed, const unsigned char *payload, Py_ssize_t size)
{
    if (size < LONG) {
        return crc32(seed, payload, (size_t)size);
    }
    uint32_t found;
    Py_BEGIN_ALLOW_THREADS
    found = crc32(seed, payload, (size_t)size);
    Py_END_ALLOW_THREADS
    return found;
}

/* decode(data, at, salt, verify, most, size): see journal/frames.py. */
static PyObject *decode(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *data;
    Py_ssize_t length, at, most, bytes, taken = 0;
    unsigned int salt;
    int verify;
    if (!PyArg_ParseTuple(arguments, "y#nIpnn", &data, &length, &at, &salt, &verify, &most, &bytes)) {
        return NULL;
    }
    PyObject *records = PyList_New(0);
    for (Py_ssize_t count = 0; records != NULL && count < most && taken < bytes; count++) {
        if (at < 0 || length - at < HEADER) {
            break;
        }
        const unsigned char *header = (const unsigned char *)data + at;
        Py_ssize_t size = (Py_ssize_t)get(header);
        uint32_t kind = get(header + 8);
        if (get(header + 12) != MAGIC || size > length - at - HEADER ||
            (verify && checksum(salt ^ kind, header + HEADER, size) != get(header + 4))) {
            break;
        }
        if (!add_record(records, kind, header + HEADER, size)) {
            Py_CLEAR(records);
        }
        taken += size;
        at += frame_size(size);
    }
    return records == NULL ? NULL : Py_BuildValue("(Nn)", records, at);
}

static PyMethodDef methods[] = {
    {"decode", decode, METH_VARARGS, "Return whole frames and where the next one begins."},
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
