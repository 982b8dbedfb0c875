/* write_plain(buffer, value, heads): the JSON of a plain value that holds no secret. Include Python.h before.
 *
 * Nothing here runs Python code or gives up the GIL, so what is looked at is what is written, whatever other threads do.
 */
#include "_scan.h"
#include "_write.h"

#define DEEPEST 64

/* What came of it: written; a key that is not known yet; something for the thorough way; an exception. */
enum { DONE, NEW_KEY, THOROUGH, FAILED };

/* Keys that this value had already: most values are lists of alike dicts. */
#define PLACES 8

typedef struct {
    PyObject *key; /* borrowed, as the head: nothing changes while a value is written */
    const char *head;
    size_t size;
} Recent;

typedef struct {
    Buffer *buffer;
    PyObject *heads; /* the JSON of known keys, with a colon: they neither name nor hold a secret */
    size_t limit;
    int depth;
    PyObject *key; /* the one that is not known yet: borrowed */
    size_t words;  /* of `the_words` that are set */
    size_t before; /* bytes that belong before those in the buffer */
    Recent recent[PLACES][2];
} Plain;

/* What a value is made of, in the order in which it is written: a word for each text, number and key, which is its
 * address, and for each container one that says its kind and size. `_memo.h` knows values again by them. */
enum { MOST_WORDS = 8192 };
static uintptr_t the_words[MOST_WORDS];

/* Where the items of a list that is the whole value begin: among the words, and among the bytes. */
typedef struct {
    uint32_t word, byte;
} Item;

enum { MOST_ITEMS = 2048 };
static Item the_items[MOST_ITEMS];

#define WORD_OF(object) ((uintptr_t)(object))
#define WORD_OF_MANY(size, is_dict) ((uintptr_t)(size) << 2 | (uintptr_t)(is_dict) << 1 | 1)
#define IS_OF_MANY(word) ((word) & 1)

static void note(Plain *plain, uintptr_t word)
{
    if (plain->words < MOST_WORDS) {
        the_words[plain->words] = word;
    }
    plain->words++;
}

static int write_value(Plain *plain, PyObject *value);

static int write_bytes(Plain *plain, const char *data, size_t size)
{
    if (plain->buffer->size + size > plain->limit) {
        return THOROUGH; /* it is to be cut */
    }
    return put(plain->buffer, data, size) ? DONE : FAILED;
}

static int write_string(Plain *plain, PyObject *value)
{
    Py_ssize_t size;
    const char *start = PyUnicode_AsUTF8AndSize(value, &size); /* of ASCII text this is no copy */
    if (start == NULL) {
        PyErr_Clear(); /* a lone surrogate */
        return THOROUGH;
    }
    Text text = {start, start + size, 0, 0};
    int found = look_through(&text);
    if ((found & ~ESCAPE) || plain->buffer->size + (size_t)size + 2 > plain->limit) {
        return THOROUGH;
    }
    if (!reserve(plain->buffer, (size_t)size + 2)) {
        return FAILED;
    }
    plain->buffer->data[plain->buffer->size++] = '"';
    if (found) {
        if (!put_escaped(plain->buffer, start, text.end)) {
            return FAILED;
        }
    }
    else {
        memcpy(plain->buffer->data + plain->buffer->size, start, (size_t)size);
        plain->buffer->size += (size_t)size;
    }
    return write_bytes(plain, "\"", 1);
}

static int write_integer(Plain *plain, PyObject *value)
{
    int overflow;
    char digits[24];
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow || number <= -SMALL || number >= SMALL) {
        return THOROUGH;
    }
    return write_bytes(plain, digits, (size_t)snprintf(digits, sizeof digits, "%lld", number));
}

/* Fractions that are written without an exponent. */
static int write_fraction(Plain *plain, PyObject *value)
{
    double number = PyFloat_AsDouble(value), size = number < 0 ? -number : number;
    if (!(size == 0 || (size >= 1e-4 && size < SMALL))) {
        return THOROUGH;
    }
    char *digits = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    int done = digits == NULL ? FAILED : write_bytes(plain, digits, strlen(digits));
    PyMem_Free(digits);
    return done;
}

/* Of a pair of texts the first may name the second as a secret. */
static int is_secret_pair(PyObject *first)
{
    Py_ssize_t size;
    if (!PyUnicode_Check(first)) {
        return 0;
    }
    const char *start = PyUnicode_AsUTF8AndSize(first, &size);
    if (start == NULL) {
        PyErr_Clear();
        return 1;
    }
    return may_name_secret(start, start + size);
}

static Py_ssize_t items_of(PyObject *list)
{
    return PyList_CheckExact(list) ? PyList_Size(list) : PyTuple_Size(list);
}

static PyObject *item_of(PyObject *list, Py_ssize_t at)
{
    return PyList_CheckExact(list) ? PyList_GetItem(list, at) : PyTuple_GetItem(list, at);
}

/* Write the items of a list or tuple from one on, and what ends it. */
static int write_items(Plain *plain, PyObject *list, Py_ssize_t at, Py_ssize_t count)
{
    int done = DONE;
    for (; at < count && done == DONE; at++) {
        done = at == 0 ? DONE : write_bytes(plain, ",", 1);
        if (done == DONE && plain->depth == 1 && at < MOST_ITEMS) {
            the_items[at] = (Item){(uint32_t)plain->words, (uint32_t)(plain->before + plain->buffer->size)};
        }
        if (done == DONE) {
            done = write_value(plain, item_of(list, at));
        }
    }
    return done == DONE ? write_bytes(plain, "]", 1) : done;
}

static int write_list(Plain *plain, PyObject *list)
{
    Py_ssize_t count = items_of(list);
    note(plain, WORD_OF_MANY(count, 0));
    if (count == 2 && is_secret_pair(item_of(list, 0))) {
        return THOROUGH;
    }
    int done = write_bytes(plain, "[", 1);
    return done == DONE ? write_items(plain, list, 0, count) : done;
}

static int write_key(Plain *plain, PyObject *key)
{
    note(plain, WORD_OF(key));
    /* Two to a place, the latest first: so of two keys that meet there neither drives out the other. */
    Recent *recent = plain->recent[((uintptr_t)key >> 4 ^ (uintptr_t)key >> 9) % PLACES], *latest = recent;
    if (recent->key != key) {
        recent++;
    }
    if (recent->key != key) {
        char *head;
        Py_ssize_t size;
        if (!PyUnicode_CheckExact(key)) {
            return THOROUGH;
        }
        PyObject *known = PyDict_GetItemWithError(plain->heads, key);
        if (known == NULL) {
            plain->key = key;
            return PyErr_Occurred() ? FAILED : NEW_KEY;
        }
        if (PyBytes_AsStringAndSize(known, &head, &size) < 0) {
            return FAILED;
        }
        *recent = *latest;
        recent = latest;
        *recent = (Recent){key, head, (size_t)size};
    }
    return write_bytes(plain, recent->head, recent->size);
}

static int write_dict(Plain *plain, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    note(plain, WORD_OF_MANY(PyDict_Size(dict), 1));
    int done = write_bytes(plain, "{", 1);
    for (int first = 1; done == DONE && PyDict_Next(dict, &at, &key, &value); first = 0) {
        done = first ? DONE : write_bytes(plain, ",", 1);
        if (done == DONE) {
            done = write_key(plain, key);
        }
        if (done == DONE) {
            done = write_value(plain, value);
        }
    }
    return done == DONE ? write_bytes(plain, "}", 1) : done;
}

static int write_container(Plain *plain, PyObject *value)
{
    if (plain->depth == DEEPEST) {
        return THOROUGH;
    }
    plain->depth++;
    int done = PyDict_CheckExact(value)                               ? write_dict(plain, value)
               : PyList_CheckExact(value) || PyTuple_CheckExact(value) ? write_list(plain, value)
                                                                       : THOROUGH;
    plain->depth--;
    return done;
}

/* Anything but a container. */
static int write_leaf(Plain *plain, PyObject *value)
{
    note(plain, WORD_OF(value));
    if (PyLong_CheckExact(value)) {
        return write_integer(plain, value);
    }
    if (value == Py_None) {
        return write_bytes(plain, "null", 4);
    }
    if (value == Py_True) {
        return write_bytes(plain, "true", 4);
    }
    return value == Py_False ? write_bytes(plain, "false", 5) : write_fraction(plain, value);
}

static int is_leaf(PyObject *value)
{
    return PyLong_CheckExact(value) || value == Py_None || value == Py_True || value == Py_False || PyFloat_CheckExact(value);
}

static int write_value(Plain *plain, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        note(plain, WORD_OF(value));
        return write_string(plain, value);
    }
    return is_leaf(value) ? write_leaf(plain, value) : write_container(plain, value);
}

/* What was written, as bytes; a key that is not known yet; None for the thorough way. A new reference, or NULL. */
static PyObject *written(Plain *plain, int done)
{
    PyObject *made = done == DONE      ? PyBytes_FromStringAndSize(plain->buffer->data, (Py_ssize_t)plain->buffer->size)
                     : done == NEW_KEY ? plain->key
                     : done == THOROUGH ? Py_None
                                        : NULL;
    if (done == NEW_KEY || done == THOROUGH) {
        Py_INCREF(made);
    }
    close_buffer(plain->buffer);
    return made;
}

#define A_PLAIN(heads, limit) {open_buffer(), heads, limit, 0, NULL, 0, 0, {{{NULL, NULL, 0}}}}

/* The JSON of a value, as `written` has it. */
static PyObject *plain_json(PyObject *value, PyObject *heads, size_t limit)
{
    Plain plain = A_PLAIN(heads, limit);
    return written(&plain, write_value(&plain, value));
}

/* plain(value, heads, limit): see record/plain.py. */
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
