/* RunFields, the fields of a stored run (model/rows.py), and what makes such rows and takes them apart:
 *
 * read(known, fresh, make, statuses, thorough, payload, process, now): one RUN record as a row; see store/runs.py, where the
 * same stands in Python. That is used where this could not be built, and is given as `thorough`, for what is no RUN record.
 * add(known, fresh, make, statuses, records, first, end, needless, process, now, runs, scopes): many of them, see
 * store/batch.py.
 *
 * Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "../journal/_crc.h"
#include "_row.h"

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

    RUN = 1, /* the kind of record */
    RUNNING = 1,
    RANK_START = 1,
    RANK_END = 4,
    LAST_REVISION = (1 << 24) - 1,
    REMEMBERED = 2048, /* bytes up to which an envelope repeats */
    GIVEN = 16         /* fields, one behind the other, are the envelope's */
};

static PyTypeObject *row_type;
#define MEMBER(name) {#name, T_OBJECT_EX, offsetof(Row, object) + AT_##name * sizeof(PyObject *), 0, NULL},

static PyMemberDef row_members[] = {FIELDS(MEMBER){0}};

static void dealloc_row(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    for (int i = 0; i < COUNT; i++) {
        Py_CLEAR(((Row *)self)->object[i]);
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot row_slots[] = {{Py_tp_members, row_members}, {Py_tp_dealloc, dealloc_row}, {0, NULL}};
static PyType_Spec row_spec = {
    "agenttrace.model._rows.RunFields", sizeof(Row), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, row_slots,
};

/* A row without values; NULL and an exception where this is no class of rows. */
static Row *new_row(PyObject *make)
{
    if (!PyType_Check(make) || !PyType_IsSubtype((PyTypeObject *)make, row_type)) {
        PyErr_SetString(PyExc_TypeError, "make: a class of rows is needed");
        return NULL;
    }
    return (Row *)PyType_GenericAlloc((PyTypeObject *)make, 0);
}

/* values(row): the values of a row by column. */
static PyObject *values(PyObject *module, PyObject *row)
{
    (void)module;
    if (!PyObject_TypeCheck(row, row_type)) {
        return PyErr_Format(PyExc_TypeError, "values: takes a row");
    }
    PyObject *made = PyTuple_New(COUNT);
    for (Py_ssize_t i = 0; made != NULL && i < COUNT; i++) {
        PyObject *value = ((Row *)row)->object[i];
        if (value == NULL) {
            PyErr_SetString(PyExc_AttributeError, row_members[i].name);
            Py_CLEAR(made);
        } else {
            PyTuple_SetItem(made, i, Py_NewRef(value));
        }
    }
    return made;
}

/* row_of(make, values): the row that has these values, by column. */
static PyObject *row_of(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 2 || !PyTuple_Check(args[1]) || PyTuple_Size(args[1]) != COUNT) {
        return PyErr_Format(PyExc_TypeError, "row_of: takes a class and a tuple of %d values", COUNT);
    }
    Row *row = new_row(args[0]);
    for (Py_ssize_t i = 0; row != NULL && i < COUNT; i++) {
        row->object[i] = Py_NewRef(PyTuple_GetItem(args[1], i));
    }
    return (PyObject *)row;
}

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

/* Give a row the values of a record; 0 and an exception where that fails. */
static int fill_row(PyObject **made, const unsigned char *record, Py_ssize_t size, Py_ssize_t cut, PyObject *statuses,
                    PyObject *envelope, PyObject *process, PyObject *now)
{
    /* scope, workspace_id, run_type, name, given, error, attributes, via */
    PyObject *given = PyTuple_GetItem(envelope, 4);
    PyObject *status = PyTuple_GetItem(statuses, record[STATUS]);
    if (given == NULL || status == NULL) {
        return 0;
    }
    int has_parent = memcmp(record + PARENT, "\0\0\0\0\0\0\0\0", 8) && memcmp(record + PARENT, record + SPAN, 8);
    int has_ended = little(record + END) != (uint64_t)1 << 63;
    int64_t start = in_time(little(record + START)), end = in_time(little(record + END));
    uint64_t revision = little(record + REVISION) & UINT32_MAX;
    uint64_t digest = crc32(0, record, (size_t)size);
    uint64_t version = (uint64_t)record[RANK] << 56 | (revision > LAST_REVISION ? LAST_REVISION : revision) << 32;
    made[AT_workspace_id] = shared(PyTuple_GetItem(envelope, 1));
    made[AT_id] = run_id(record, record + SPAN);
    made[AT_trace_id] = PyBytes_FromStringAndSize((const char *)record, 16);
    made[AT_span_id] = PyBytes_FromStringAndSize((const char *)record + SPAN, 8);
    made[AT_parent_id] = has_parent ? run_id(record, record + PARENT) : shared(Py_None);
    made[AT_is_root] = PyBool_FromLong(!has_parent);
    made[AT_run_type] = shared(PyTuple_GetItem(envelope, 2));
    made[AT_name] = shared(PyTuple_GetItem(envelope, 3));
    made[AT_status] = shared(status);
    made[AT_start_time] = PyLong_FromLongLong(start);
    made[AT_end_time] = has_ended ? PyLong_FromLongLong(end > start ? end : start) : shared(Py_None);
    made[AT_version] = PyLong_FromUnsignedLongLong(version | digest);
    made[AT_process_id] = shared(record[STATUS] == RUNNING ? process : Py_None);
    made[AT_turn_time] = PyLong_FromLongLong(in_time(little(record + TURN)));
    made[AT_seq] = sequence(little(record + SEQ));
    made[AT_end_seq] = has_ended ? sequence(little(record + END_SEQ)) : shared(Py_None);
    for (int i = 0; i < GIVEN; i++) {
        made[AT_agent_key + i] = shared(PyTuple_GetItem(given, i));
    }
    made[AT_ingested_at] = shared(now);
    made[AT_content] = size > cut + 2 ? object_of(record + cut + 1, size - cut - 1) : shared(Py_None);
    made[AT_error] = shared(PyTuple_GetItem(envelope, 5));
    made[AT_attributes] = shared(PyTuple_GetItem(envelope, 6));
    made[AT_learnt] = shared(Py_None);
    made[AT_via] = shared(PyTuple_GetItem(envelope, 7));
    made[AT_history_link] = shared(Py_None);
    made[AT_context_link] = shared(Py_None);
    for (int i = 0; i < COUNT; i++) {
        if (made[i] == NULL) {
            return 0;
        }
    }
    return 1;
}

/* The envelope of a RUN record, and where it ends; NULL where this is none, or with an exception. */
static PyObject *envelope_of(PyObject *payload, PyObject *known, PyObject *fresh, PyObject *statuses, Py_ssize_t *cut)
{
    if (!PyBytes_Check(payload) || !PyTuple_Check(statuses)) {
        return NULL;
    }
    const unsigned char *record = (const unsigned char *)PyBytes_AsString(payload);
    Py_ssize_t size = PyBytes_Size(payload);
    const unsigned char *line = size > ENVELOPE && record[ENVELOPE] == '{'
                                    ? memchr(record + ENVELOPE, '\n', (size_t)(size - ENVELOPE))
                                    : NULL;
    if (line == NULL || record[RANK] < RANK_START || record[RANK] > RANK_END ||
        record[STATUS] >= PyTuple_Size(statuses)) {
        return NULL;
    }
    *cut = line - record;
    PyObject *text = PyBytes_FromStringAndSize((const char *)record + ENVELOPE, *cut - ENVELOPE);
    if (text == NULL) {
        return NULL;
    }
    PyObject *envelope = PyObject_CallFunctionObjArgs(*cut - ENVELOPE <= REMEMBERED ? known : fresh, text, NULL);
    Py_DECREF(text);
    return envelope;
}

static Row *row_with(PyObject *make, PyObject *payload, Py_ssize_t cut, PyObject *statuses, PyObject *envelope,
                     PyObject *process, PyObject *now)
{
    Row *row = new_row(make);
    const unsigned char *record = (const unsigned char *)PyBytes_AsString(payload);
    if (row != NULL && !fill_row(row->object, record, PyBytes_Size(payload), cut, statuses, envelope, process, now)) {
        Py_CLEAR(row);
    }
    return row;
}

static PyObject *read_record(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 8 || !PyTuple_Check(args[3])) {
        return PyErr_Format(PyExc_TypeError, "read: takes eight arguments, the fourth a tuple");
    }
    PyObject *payload = args[5], *process = args[6], *now = args[7];
    Py_ssize_t cut = 0;
    PyObject *envelope = envelope_of(payload, args[0], args[1], args[3], &cut);
    if (envelope == NULL) {
        return PyErr_Occurred() ? NULL : PyObject_CallFunctionObjArgs(args[4], payload, process, now, NULL);
    }
    Row *row = row_with(args[2], payload, cut, args[3], envelope, process, now);
    PyObject *scope = row == NULL ? NULL : PyTuple_GetItem(envelope, 0);
    PyObject *found =
        scope == NULL ? NULL : Py_BuildValue("(OOi)", (PyObject *)row, scope, PyBytes_AsString(payload)[FLAGS] & 0xFF);
    Py_XDECREF((PyObject *)row);
    Py_DECREF(envelope);
    return found;
}

/* What `add` was told, and what it saw last. */
typedef struct {
    PyObject *known, *fresh, *make, *statuses, *process, *now, *runs, *scopes;
    PyObject *scope; /* borrowed, from `scopes` */
    int64_t least;   /* its time there */
} Adding;

/* Take note of a scope that is there at this time; 0 and an exception where that fails. */
static int see(Adding *adding, PyObject *scope, PyObject *start)
{
    int64_t time = PyLong_AsLongLong(start);
    if (scope != adding->scope || time < adding->least) {
        PyObject *seen = PyDict_GetItemWithError(adding->scopes, scope);
        if (seen == NULL && PyErr_Occurred()) {
            return 0;
        }
        int64_t least = seen == NULL ? time : PyLong_AsLongLong(seen);
        if ((seen == NULL || time < least) && PyDict_SetItem(adding->scopes, scope, start) < 0) {
            return 0;
        }
        adding->scope = scope;
        adding->least = time < least ? time : least;
    }
    return !PyErr_Occurred();
}

/* Add a run that says nothing out of the ordinary and of which nothing is there yet; 0 where this is none, or else. */
static int add_one(Adding *adding, PyObject *record)
{
    if (record == NULL || !PyTuple_CheckExact(record) || PyTuple_Size(record) != 2) {
        return 0;
    }
    PyObject *kind = PyTuple_GetItem(record, 0), *payload = PyTuple_GetItem(record, 1), *envelope = NULL, *key = NULL;
    Py_ssize_t cut;
    if (PyLong_CheckExact(kind) && PyLong_AsLong(kind) == RUN) {
        envelope = envelope_of(payload, adding->known, adding->fresh, adding->statuses, &cut);
    }
    int is_plain = envelope != NULL && PyBytes_AsString(payload)[FLAGS] == 0;
    Row *row =
        is_plain ? row_with(adding->make, payload, cut, adding->statuses, envelope, adding->process, adding->now) : NULL;
    if (row != NULL) {
        key = PyTuple_Pack(2, row->object[AT_workspace_id], row->object[AT_id]);
    }
    int done = key != NULL && PyDict_GetItemWithError(adding->runs, key) == NULL && !PyErr_Occurred() &&
               see(adding, PyTuple_GetItem(envelope, 0), row->object[AT_start_time]) &&
               PyDict_SetItem(adding->runs, key, (PyObject *)row) == 0;
    Py_XDECREF(key);
    Py_XDECREF((PyObject *)row);
    Py_XDECREF(envelope);
    return done;
}

static PyObject *add(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 12 || !PyTuple_Check(args[3]) || !PyList_Check(args[4]) || !PySet_Check(args[7]) ||
        !PyDict_Check(args[10]) || !PyDict_Check(args[11])) {
        return PyErr_Format(PyExc_TypeError, "add: takes twelve arguments, a tuple, a list, a set and two dicts among them");
    }
    PyObject *records = args[4], *needless = args[7];
    Adding adding = {args[0], args[1], args[2], args[3], args[8], args[9], args[10], args[11], NULL, 0};
    Py_ssize_t here = PyLong_AsSsize_t(args[5]), end = PyLong_AsSsize_t(args[6]);
    if (PyErr_Occurred() || here < 0 || end > PyList_Size(records)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "add: these are no places of the records");
    }
    for (; here < end; here++) {
        PyObject *place = PyLong_FromSsize_t(here);
        int is_needless = place == NULL ? 0 : PySet_Contains(needless, place);
        Py_XDECREF(place);
        /* Ours: Python runs while an envelope is read. */
        PyObject *record = is_needless > 0 ? NULL : Py_XNewRef(PyList_GetItem(records, here));
        int done = is_needless > 0 || add_one(&adding, record);
        Py_XDECREF(record);
        if (!done) {
            break;
        }
    }
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_Exception)) {
            return NULL; /* an interrupt */
        }
        PyErr_Clear(); /* whoever adds that record by itself will meet it again */
    }
    return PyLong_FromSsize_t(here);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, "Add RUN records to a batch, up to one that is not plain."},
    {"read", (PyCFunction)(void (*)(void))read_record, METH_FASTCALL, "Return a RUN record as a row."},
    {"row_of", (PyCFunction)(void (*)(void))row_of, METH_FASTCALL, "Return the row that has these values."},
    {"values", values, METH_O, "Return the values of a row by column."},
    {0},
};
/* -1: made once, whoever imports it anew. A second RunFields would make strangers of the rows that there are. */
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_rows", NULL, -1, methods, NULL, NULL, NULL, NULL};

/* The type, with the names of its fields for `dataclass(slots=True)`, which then adds none; NULL and an exception. */
static PyObject *new_type(void)
{
    PyObject *type = PyType_FromSpec(&row_spec);
    PyObject *names = type == NULL ? NULL : PyTuple_New(COUNT);
    int done = names != NULL;
    for (Py_ssize_t i = 0; done && i < COUNT; i++) {
        PyObject *name = PyUnicode_InternFromString(row_members[i].name);
        done = name != NULL && PyTuple_SetItem(names, i, name) == 0;
    }
    if (!done || PyObject_SetAttrString(type, "__slots__", names) < 0) {
        Py_CLEAR(type);
    }
    Py_XDECREF(names);
    return type;
}

PyMODINIT_FUNC PyInit__rows(void)
{
    prepare_crc();
    PyObject *module = PyModule_Create(&definition);
    row_type = module == NULL ? NULL : (PyTypeObject *)new_type();
    if (row_type == NULL || PyModule_AddObjectRef(module, "RunFields", (PyObject *)row_type) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
