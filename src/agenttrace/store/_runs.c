/* read(known, fresh, make, statuses, payload, process, now): one RUN record as a row; see store/runs.py.
 *
 * The same in Python stands there, and is used where this could not be built and for what is no RUN record, of which
 * this returns None. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "../journal/_crc.h"

enum {
    /* Where the parts of a payload lie, see model/wire.py. */
    SPAN = 16,
    PARENT = 24,
    START = 32,
    TURN = 40,
    SEQ = 48,
    END = 56,
    END_SEQ = 64,
    REVISION = 72,
    RANK = 76,
    STATUS = 77,
    FLAGS = 78,
    ENVELOPE = 80,

    RUNNING = 1,
    RANK_START = 1,
    RANK_END = 4,
    LAST_REVISION = (1 << 24) - 1,
    REMEMBERED = 2048, /* bytes up to which an envelope repeats */
    VALUES = 36,       /* that a row is made of */
    GIVEN = 16         /* of these, one behind the other, are its envelope's */
};

static const int64_t LAST_TIME = 253402300799999999LL;
static const uint64_t LAST_SEQUENCE = ((uint64_t)1 << 40) - 1;

static uint64_t little(const unsigned char *from)
{
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--) {
        number = number << 8 | from[i];
    }
    return number;
}

static uint64_t big(const unsigned char *from)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | from[i];
    }
    return number;
}

static void put_big(unsigned char *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8) {
        to[i] = (unsigned char)number;
    }
}

/* The 16 bytes of a run's UUID: model.ids.run_id. */
static PyObject *run_id(const unsigned char *trace, const unsigned char *span)
{
    const uint64_t low_62 = ((uint64_t)1 << 62) - 1;
    uint64_t high = big(trace), low = big(trace + 8), number = big(span);
    uint64_t bits = high >> 6; /* 58 of the trace id */
    if (bits == 0) {
        bits = (high << 52 | low >> 12) & (((uint64_t)1 << 58) - 1);
    }
    unsigned char made[16];
    put_big(made, bits >> 10 << 16 | (uint64_t)8 << 12 | (bits & 0x3FF) << 2 | number >> 62);
    put_big(made + 8, (uint64_t)2 << 62 | (number & low_62));
    return PyBytes_FromStringAndSize((const char *)made, sizeof made);
}

static int64_t in_time(uint64_t given)
{
    int64_t time = (int64_t)given;
    return time < 0 ? 0 : time > LAST_TIME ? LAST_TIME : time;
}

static PyObject *sequence(uint64_t number)
{
    return PyLong_FromUnsignedLongLong(number > LAST_SEQUENCE ? LAST_SEQUENCE : number);
}

/* The content's members, whose comma comes first, as the text of an object. */
static PyObject *object_of(const unsigned char *members, Py_ssize_t size)
{
    char *text = PyMem_Malloc((size_t)size + 1);
    if (text == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(text, members, (size_t)size);
    text[0] = '{';
    text[size] = '}';
    PyObject *made = PyUnicode_DecodeUTF8(text, size + 1, "replace");
    PyMem_Free(text);
    return made;
}

static PyObject *shared(PyObject *value)
{
    Py_XINCREF(value);
    return value;
}

/* The values of the row; NULL and an exception where that fails. */
static PyObject *values_of(const unsigned char *record, Py_ssize_t size, Py_ssize_t cut, PyObject *statuses,
                           PyObject *envelope, PyObject *process, PyObject *now)
{
    /* scope, workspace_id, run_type, name, given, error, attributes, via */
    PyObject *given = PyTuple_GetItem(envelope, 4);
    PyObject *status = PyTuple_GetItem(statuses, record[STATUS]);
    PyObject *values = given == NULL || status == NULL ? NULL : PyTuple_New(VALUES);
    if (values == NULL) {
        return NULL;
    }
    int has_parent = memcmp(record + PARENT, "\0\0\0\0\0\0\0\0", 8) && memcmp(record + PARENT, record + SPAN, 8);
    int has_ended = little(record + END) != (uint64_t)1 << 63;
    int64_t start = in_time(little(record + START)), end = in_time(little(record + END));
    uint64_t revision = little(record + REVISION) & UINT32_MAX;
    uint64_t digest = crc32(0, record, (size_t)size);
    uint64_t version = (uint64_t)record[RANK] << 56 | (revision > LAST_REVISION ? LAST_REVISION : revision) << 32;
    PyObject *made[VALUES] = {
        shared(PyTuple_GetItem(envelope, 1)),
        run_id(record, record + SPAN),
        PyBytes_FromStringAndSize((const char *)record, 16),
        PyBytes_FromStringAndSize((const char *)record + SPAN, 8),
        has_parent ? run_id(record, record + PARENT) : shared(Py_None),
        PyBool_FromLong(!has_parent),
        shared(PyTuple_GetItem(envelope, 2)),
        shared(PyTuple_GetItem(envelope, 3)),
        shared(status),
        PyLong_FromLongLong(start),
        has_ended ? PyLong_FromLongLong(end > start ? end : start) : shared(Py_None),
        PyLong_FromUnsignedLongLong(version | digest),
        shared(record[STATUS] == RUNNING ? process : Py_None),
        PyLong_FromLongLong(in_time(little(record + TURN))),
        sequence(little(record + SEQ)),
        has_ended ? sequence(little(record + END_SEQ)) : shared(Py_None),
    };
    for (int i = 0; i < GIVEN; i++) {
        made[VALUES - 4 - GIVEN + i] = shared(PyTuple_GetItem(given, i));
    }
    made[VALUES - 4] = shared(now);
    made[VALUES - 3] = size > cut + 2 ? object_of(record + cut + 1, size - cut - 1) : shared(Py_None);
    made[VALUES - 2] = shared(PyTuple_GetItem(envelope, 5));
    made[VALUES - 1] = shared(PyTuple_GetItem(envelope, 6));
    int complete = 1;
    for (int i = 0; i < VALUES; i++) {
        complete = complete && made[i] != NULL;
        PyTuple_SetItem(values, i, made[i]);
    }
    if (!complete) {
        Py_CLEAR(values);
    }
    return values;
}

static PyObject *read_record(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    char *data;
    Py_ssize_t size;
    if (count != 7 || !PyTuple_Check(args[3])) {
        return PyErr_Format(PyExc_TypeError, "read: takes seven arguments, the fourth a tuple");
    }
    if (!PyBytes_Check(args[4])) {
        Py_RETURN_NONE;
    }
    if (PyBytes_AsStringAndSize(args[4], &data, &size) < 0) {
        return NULL;
    }
    const unsigned char *record = (const unsigned char *)data;
    const unsigned char *line = size > ENVELOPE && record[ENVELOPE] == '{'
                                    ? memchr(record + ENVELOPE, '\n', (size_t)(size - ENVELOPE))
                                    : NULL;
    if (line == NULL || record[RANK] < RANK_START || record[RANK] > RANK_END ||
        record[STATUS] >= PyTuple_Size(args[3])) {
        Py_RETURN_NONE;
    }
    Py_ssize_t cut = line - record;
    PyObject *text = PyBytes_FromStringAndSize(data + ENVELOPE, cut - ENVELOPE);
    if (text == NULL) {
        return NULL;
    }
    PyObject *envelope = PyObject_CallFunctionObjArgs(args[cut - ENVELOPE <= REMEMBERED ? 0 : 1], text, NULL);
    Py_DECREF(text);
    if (envelope == NULL) {
        return NULL;
    }
    PyObject *values = values_of(record, size, cut, args[3], envelope, args[5], args[6]);
    PyObject *row = values == NULL ? NULL : PyObject_CallObject(args[2], values);
    Py_XDECREF(values);
    PyObject *via = row == NULL ? NULL : PyTuple_GetItem(envelope, 7);
    if (via != NULL && via != Py_None && PyObject_SetAttrString(row, "via", via) < 0) {
        via = NULL;
    }
    PyObject *found = via == NULL ? NULL : Py_BuildValue("(OOi)", row, PyTuple_GetItem(envelope, 0), record[FLAGS]);
    Py_XDECREF(row);
    Py_DECREF(envelope);
    return found;
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))read_record, METH_FASTCALL, "Return a RUN record as a row."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_runs", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__runs(void)
{
    prepare_crc();
    return PyModule_Create(&definition);
}
