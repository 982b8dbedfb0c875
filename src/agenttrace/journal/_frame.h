/* Frames of a journal segment: encode(kind, payload, salt) makes one, in one allocation and one pass; decode() takes those
 * of a piece of a segment apart. The same in Python stands in journal/frames.py, and is used where this could not be
 * built; a test holds the two together. Include Python.h before, and call `prepare_crc` first.
 */
#include <stdint.h>
#include <string.h>

#include "_crc.h"

#define MAGIC 0xA9C7E5D3u
#define HEADER 16
#define ECHO 0x80000000u /* of a kind: the payload is an echo, see journal/frames.py */
#define ECHO_HEADER 20

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
static int add_record(PyObject *records, uint32_t kind, PyObject *payload)
{
    PyObject *record = payload == NULL ? NULL : Py_BuildValue("(IO)", (unsigned int)kind, payload);
    int done = record != NULL && PyList_Append(records, record) == 0;
    Py_XDECREF(record);
    Py_XDECREF(payload);
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

/* A piece of a segment that is taken apart. */
typedef struct {
    const unsigned char *data;
    Py_ssize_t length, base; /* `base`: where in the segment it begins */
    uint32_t salt;
    int verify;
    PyObject *sources; /* payloads of frames that stand elsewhere, by offset */
    /* The frame that was repeated last: where it stands, and its payload, of which the size is -1 where there is none. */
    Py_ssize_t source, source_size;
    const unsigned char *source_payload;
    PyObject *held; /* the bytes in which it stands, where it is one of `sources`: those may change without the GIL */
} Piece;

/* The size of the whole frame's payload that stands at a place; -1: there is none. */
static Py_ssize_t frame_at(const Piece *piece, Py_ssize_t at, uint32_t *kind)
{
    if (at < 0 || piece->length - at < HEADER) {
        return -1;
    }
    const unsigned char *header = piece->data + at;
    Py_ssize_t size = (Py_ssize_t)get(header);
    *kind = get(header + 8);
    if (get(header + 12) != MAGIC || size > piece->length - at - HEADER ||
        (piece->verify && checksum(piece->salt ^ *kind, header + HEADER, size) != get(header + 4))) {
        return -1;
    }
    return size;
}

/* Look up the frame that stands at a place before another one. */
static void look_up(Piece *piece, Py_ssize_t source)
{
    uint32_t kind = 0;
    piece->source = source;
    piece->source_size = frame_at(piece, source, &kind);
    if (piece->source_size >= 0) {
        piece->source_size = kind & ECHO ? -1 : piece->source_size;
        piece->source_payload = piece->data + source + HEADER;
    }
    if (source < 0) {
        PyObject *offset = PyLong_FromSsize_t(piece->base + source);
        PyObject *payload = offset == NULL ? NULL : PyDict_GetItemWithError(piece->sources, offset);
        Py_XDECREF(offset);
        if (payload != NULL && PyBytes_Check(payload)) {
            Py_XDECREF(piece->held);
            piece->held = Py_NewRef(payload);
            piece->source_size = PyBytes_Size(payload);
            piece->source_payload = (const unsigned char *)PyBytes_AsString(payload);
        }
    }
}

/* The payload that the echo at a place stands for; NULL without an exception where what it repeats is not whole
 * in this piece and not among the others. */
static PyObject *whole(Piece *piece, Py_ssize_t at, Py_ssize_t size)
{
    const unsigned char *echo = piece->data + at + HEADER;
    if (size < ECHO_HEADER) {
        return NULL;
    }
    Py_ssize_t source = (Py_ssize_t)get(echo) - piece->base, from = (Py_ssize_t)get(echo + 4);
    Py_ssize_t place = (Py_ssize_t)get(echo + 8), length = (Py_ssize_t)get(echo + 12), own = size - ECHO_HEADER;
    if (source >= at) {
        return NULL;
    }
    if (source != piece->source) {
        look_up(piece, source);
    }
    Py_ssize_t there = piece->source_size;
    if (there < 0 || place > own || from > there || length > there - from) {
        return NULL;
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, own + length);
    if (made != NULL) {
        char *to = PyBytes_AsString(made);
        memcpy(to, echo + ECHO_HEADER, (size_t)place);
        memcpy(to + place, piece->source_payload + from, (size_t)length);
        memcpy(to + place + length, echo + ECHO_HEADER + place, (size_t)(own - place));
    }
    return made;
}

/* decode(data, at, salt, verify, most, size, base, sources): see journal/frames.py. */
static PyObject *decode(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *data;
    Py_ssize_t at, most, bytes, taken = 0;
    Piece piece;
    if (!PyArg_ParseTuple(arguments, "y#nIpnnnO!", &data, &piece.length, &at, &piece.salt, &piece.verify, &most,
                          &bytes, &piece.base, &PyDict_Type, &piece.sources)) {
        return NULL;
    }
    piece.data = (const unsigned char *)data;
    piece.source = PY_SSIZE_T_MIN;
    piece.source_size = -1;
    piece.held = NULL;
    PyObject *records = PyList_New(0);
    int is_whole = 1;
    for (Py_ssize_t count = 0; records != NULL && count < most && taken < bytes; count++) {
        uint32_t kind;
        Py_ssize_t size = frame_at(&piece, at, &kind);
        if (size < 0) {
            break;
        }
        PyObject *payload = kind & ECHO ? whole(&piece, at, size) : NULL;
        if (payload != NULL) {
            kind &= ~ECHO;
        }
        else if (!PyErr_Occurred()) {
            payload = PyBytes_FromStringAndSize((const char *)piece.data + at + HEADER, size);
            is_whole = is_whole && !(kind & ECHO);
        }
        taken += payload == NULL ? 0 : PyBytes_Size(payload);
        if (!add_record(records, kind, payload)) {
            Py_CLEAR(records);
        }
        at += frame_size(size);
    }
    Py_XDECREF(piece.held);
    return records == NULL ? NULL : Py_BuildValue("(NnO)", records, at, is_whole ? Py_True : Py_False);
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
