/* Frames of a journal segment: encode(kind, payload, salt) makes one, in one allocation and one pass; decode() takes those
 * of a piece of a segment apart. The same in Python stands in journal/frames.py, and is used where this could not be
 * built; a test holds the two together. Include Python.h before, and call `prepare_crc` first.
 */
#include <stdint.h>
#include <string.h>

#include "_crc.h"

#define MAGIC 0xA9C7E5D3u
#define HEADER 16

static void put(unsigned char *to, uint32_t number)
{
    for (int i = 0; i < 4; i++, number >>= 8) {
        to[i] = (unsigned char)number;
    }
}

/* A payload that comes in pieces. */
enum { MOST_PIECES = 64 };

typedef struct {
    char *start[MOST_PIECES];
    Py_ssize_t length[MOST_PIECES], count, size; /* bytes of all */
} Payload;

/* Take pieces for a payload, all of them bytes; 0 and an exception where they are none. Borrowed. */
static int take_pieces(Payload *payload, PyObject *const *pieces, Py_ssize_t count)
{
    if (count > MOST_PIECES) {
        PyErr_SetString(PyExc_ValueError, "encode: too many pieces");
        return 0;
    }
    payload->count = count;
    payload->size = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyBytes_AsStringAndSize(pieces[i], &payload->start[i], &payload->length[i]) < 0) {
            return 0;
        }
        payload->size += payload->length[i];
    }
    if ((size_t)payload->size > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "encode: the payload's size has 32 bits");
        return 0;
    }
    return 1;
}

static Py_ssize_t frame_size(Py_ssize_t size)
{
    return (HEADER + size + 7) & ~(Py_ssize_t)7;
}

/* Write a frame to where there is room for it; the header last, so that a part of a frame is no frame. */
static void write_frame(unsigned char *start, uint32_t kind, uint32_t salt, const Payload *payload)
{
    unsigned char *to = start + HEADER;
    for (Py_ssize_t i = 0; i < payload->count; i++) {
        memcpy(to, payload->start[i], (size_t)payload->length[i]);
        to += payload->length[i];
    }
    size_t size = (size_t)payload->size;
    memset(to, 0, (size_t)frame_size(payload->size) - HEADER - size);
    put(start, (uint32_t)size);
    put(start + 4, crc32(salt ^ kind, start + HEADER, size));
    put(start + 8, kind);
    put(start + 12, MAGIC);
}

/* A new reference, or NULL. */
static PyObject *new_frame(uint32_t kind, uint32_t salt, const Payload *payload)
{
    PyObject *frame = PyBytes_FromStringAndSize(NULL, frame_size(payload->size));
    if (frame != NULL) {
        write_frame((unsigned char *)PyBytes_AsString(frame), kind, salt, payload);
    }
    return frame;
}

/* A number of 32 bits; 0 where an exception is set. */
static uint32_t as_number(PyObject *value)
{
    unsigned long number = PyLong_AsUnsignedLong(value);
    if (number > UINT32_MAX && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_OverflowError, "encode: kind and salt have 32 bits");
    }
    return (uint32_t)number;
}

static PyObject *encode(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError, "encode: kind, payload and salt are needed");
    }
    Payload payload;
    uint32_t kind = as_number(args[0]);
    uint32_t salt = PyErr_Occurred() ? 0 : as_number(args[2]);
    return PyErr_Occurred() || !take_pieces(&payload, args + 1, 1) ? NULL : new_frame(kind, salt, &payload);
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

/* crc32(data, seed=0), as zlib has it: whose module takes longer to load than most of ours. */
static PyObject *crc32_of(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    char *data;
    Py_ssize_t size;
    if (count < 1 || count > 2) {
        return PyErr_Format(PyExc_TypeError, "crc32: takes bytes and a seed");
    }
    uint32_t seed = count == 2 ? as_number(args[1]) : 0;
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(args[0], &data, &size) < 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLong(crc32(seed, (const unsigned char *)data, (size_t)size));
}
