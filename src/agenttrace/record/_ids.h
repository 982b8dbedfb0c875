/* new_span_id(), new_trace_id(now), seed(bytes): random ids for record/recorder.py; record/randomids.py has the same in
 * Python. Include Python.h before.
 */
#include <stdint.h>
#include <string.h>

static uint64_t numbers[4];

static uint64_t rotated(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

/* xoshiro256**: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018. */
static uint64_t next(void)
{
    uint64_t number = rotated(numbers[1] * 5, 7) * 9, moved = numbers[1] << 17;
    numbers[2] ^= numbers[0];
    numbers[3] ^= numbers[1];
    numbers[1] ^= numbers[2];
    numbers[0] ^= numbers[3];
    numbers[2] ^= moved;
    numbers[3] = rotated(numbers[3], 45);
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
    if (size != sizeof numbers) {
        return PyErr_Format(PyExc_ValueError, "seed: takes %d random bytes, not all of them zero", (int)sizeof numbers);
    }
    memcpy(numbers, data, sizeof numbers);
    Py_RETURN_NONE;
}

static PyObject *new_span_id(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    uint64_t number = next();
    return PyBytes_FromStringAndSize((const char *)&number, 8);
}

static PyObject *new_trace_id(PyObject *module, PyObject *now)
{
    (void)module;
    unsigned char id[16];
    uint64_t random[2] = {next(), next()};
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
    memcpy(id + 6, random, 10);
    return PyBytes_FromStringAndSize((const char *)id, 16);
}
