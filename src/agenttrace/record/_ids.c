/* span(), trace(now), seed(bytes): random ids, see record/identity.py, where the same stands in Python. Stable ABI of 3.11. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

static uint64_t state[4];

static uint64_t rotated(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

/* xoshiro256**: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018. */
static uint64_t next(void)
{
    uint64_t number = rotated(state[1] * 5, 7) * 9, moved = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= moved;
    state[3] = rotated(state[3], 45);
    return number;
}

static PyObject *seed(PyObject *module, PyObject *bytes)
{
    (void)module;
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) {
        return NULL;
    }
    if (size != sizeof state) {
        return PyErr_Format(PyExc_ValueError, "seed: takes %d random bytes, not all of them zero", (int)sizeof state);
    }
    memcpy(state, data, sizeof state);
    Py_RETURN_NONE;
}

static PyObject *span(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    uint64_t number = next();
    return PyBytes_FromStringAndSize((const char *)&number, 8);
}

static PyObject *trace(PyObject *module, PyObject *now)
{
    (void)module;
    unsigned char id[16];
    uint64_t numbers[2] = {next(), next()};
    long long milliseconds = PyLong_AsLongLong(now) / 1000;
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (milliseconds < 0 || milliseconds >> 48 != 0) {
        return PyErr_Format(PyExc_OverflowError, "trace: the time has no place in 48 bits");
    }
    for (int i = 0; i < 6; i++) {
        id[i] = (unsigned char)(milliseconds >> (40 - 8 * i));
    }
    memcpy(id + 6, numbers, 10);
    return PyBytes_FromStringAndSize((const char *)id, 16);
}

static PyMethodDef methods[] = {
    {"seed", seed, METH_O, "Begin anew from random bytes."},
    {"span", span, METH_NOARGS, "Return 8 random bytes."},
    {"trace", trace, METH_O, "Return milliseconds in 48 bits and 80 random bits."},
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ids", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ids(void)
{
    return PyModule_Create(&definition);
}
