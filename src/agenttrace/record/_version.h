/* append_version(state, gear, version): append a span as it is now. Include Python.h, _state.h and _given.h before. */

/* Call a field with an argument or none: the field may be set anew meanwhile. */
static PyObject *asked_of(PyObject *field, PyObject *argument)
{
    Py_INCREF(field);
    PyObject *made = called(field, &argument, argument != NULL);
    Py_DECREF(field);
    return made;
}

static void put_number(char *to, unsigned long long number, int size)
{
    for (; size > 0; size--, number >>= 8) {
        *to++ = (char)(number & 255);
    }
}

static int is_bytes(PyObject *value, Py_ssize_t size)
{
    return value != NULL && PyBytes_Check(value) && PyBytes_Size(value) == size;
}

/* The clock in microseconds; -1 and an exception where it fails. */
static long long now_of(Gear *gear)
{
    PyObject *time = asked_of(gear->object[CLOCK], NULL);
    int overflow = 0;
    long long now = time == NULL ? -1 : PyLong_AsLongLongAndOverflow(time, &overflow); /* quicker than AsLongLong */
    Py_XDECREF(time);
    if (overflow) {
        PyErr_SetString(PyExc_OverflowError, "clock: the time has no place in 64 bits");
    }
    return now >= 0 ? now / 1000 : now == -1 && PyErr_Occurred() ? -1 : -((-now + 999) / 1000);
}

/* The next of the recorder's numbers; 0 and an exception where there is none. */
static unsigned long long number_of(Gear *gear)
{
    PyObject *numbers = Py_NewRef(gear->object[SEQUENCE]), *number = NULL;
    if (PyIter_Check(numbers)) {
        number = PyIter_Next(numbers);
    }
    Py_DECREF(numbers);
    if (number == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "recorder: its sequence has no next number");
        }
        return 0;
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    return value;
}

static PyObject *envelope_of(State *state)
{
    OptionFields *options = options_of(state);
    PyObject *scope = state->object[SCOPE];
    if (options == NULL || scope == NULL || !PyObject_TypeCheck(scope, scope_type)) {
        return options == NULL ? NULL : PyErr_Format(PyExc_TypeError, "scope: no scope of ours");
    }
    PyObject *text = options->object[STATIC], *known = ((ScopeFields *)scope)->envelopes;
    PyObject *made = known != NULL && PyDict_Check(known) ? PyDict_GetItemWithError(known, text) : NULL;
    if (made != NULL || PyErr_Occurred()) {
        return Py_XNewRef(made);
    }
    return PyObject_CallMethodObjArgs(scope, const_names[N_ENVELOPE], text, NULL);
}

/* The arguments of an append: two that not all have, the kind, and the pieces of the payload. */
enum { PLACE_OF_START, PIECES_OF_START, KIND, FIRST_PIECE, HEAD_PIECES = 3, MOST_ARGUMENTS = 64 };

typedef struct {
    PyObject *argument[MOST_ARGUMENTS];
    Py_ssize_t count, size; /* bytes of the payload */
} Append;

/* 0 where there is no room. */
static int add_piece(Append *append, PyObject *bytes)
{
    if (append->count == MOST_ARGUMENTS) {
        return 0;
    }
    append->size += PyBytes_Size(bytes);
    append->argument[append->count++] = Py_NewRef(bytes);
    return 1;
}

/* 1: content was added, each value behind its key; 0: there is no room for it; -1: an exception. */
static int add_content(Append *append, PyObject *content)
{
    PyObject *key, *fragment;
    Py_ssize_t place = 0;
    while (PyDict_Next(content, &place, &key, &fragment)) {
        PyObject *head = PyDict_GetItemWithError(given.key_json, key);
        if (head == NULL || !PyBytes_Check(fragment)) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_KeyError, "content: no such key");
            }
            return -1;
        }
        if (!(add_piece(append, head) && add_piece(append, fragment))) {
            return 0;
        }
    }
    return 1;
}

/* Append the first version of a span, and note where it is. */
static PyObject *append_first(State *state, Gear *gear, Append *append, Py_ssize_t head)
{
    PyObject *function = Py_NewRef(gear->object[APPEND_PARTS]);
    keep(state, PLACE, Py_Ellipsis); /* it goes where a value is replaced meanwhile: a finalizer may let others run */
    PyObject *done = called(function, append->argument + KIND, append->count - KIND);
    Py_DECREF(function);
    if (done != NULL && PyLong_Check(done) && state->object[PLACE] == Py_Ellipsis) {
        keep(state, PLACE, done);
        state->head = head;
        state->said = (append->count - FIRST_PIECE - HEAD_PIECES) / 2;
    }
    return done;
}

/* Append a later version; what the first one said already need not be written again. */
static PyObject *append_later(State *state, Gear *gear, Append *append, Py_ssize_t head)
{
    PyObject *place = state->object[PLACE];
    int repeats = place != NULL && PyLong_Check(place) && state->said > 0 && state->head == head &&
                  gear->object[APPEND_AGAIN] != Py_None;
    PyObject *pieces = repeats ? PyLong_FromSsize_t(2 * state->said) : NULL;
    if (pieces == NULL) {
        PyErr_Clear();
    } else {
        append->argument[PLACE_OF_START] = Py_NewRef(place);
        append->argument[PIECES_OF_START] = pieces;
    }
    Py_ssize_t first = pieces == NULL ? KIND : PLACE_OF_START;
    PyObject *function = Py_NewRef(gear->object[pieces == NULL ? APPEND_PARTS : APPEND_AGAIN]);
    PyObject *done = called(function, append->argument + first, append->count - first);
    Py_DECREF(function);
    return done;
}

/* Append the span as it is now; 0 for an exception. */
static int append_version(State *state, Gear *gear, PyObject *version)
{
    PyObject *envelope = envelope_of(state), *done = NULL;
    if (envelope == NULL || !PyBytes_Check(envelope)) {
        if (envelope != NULL) {
            PyErr_SetString(PyExc_TypeError, "envelope: bytes are needed");
        }
        Py_XDECREF(envelope);
        return 0;
    }
    Append append;
    append.argument[PLACE_OF_START] = append.argument[PIECES_OF_START] = NULL;
    append.argument[KIND] = Py_NewRef(given.kind);
    append.count = FIRST_PIECE;
    append.size = 0;
    int simple = add_piece(&append, state->object[FIXED]) && add_piece(&append, version) && add_piece(&append, envelope);
    Py_ssize_t head = append.size;
    Py_DECREF(envelope);
    simple = simple ? add_content(&append, state->object[CONTENT]) : 0;
    if (simple > 0 && append.size <= PyLong_AsSsize_t(gear->object[LIMIT])) {
        done = (version == given.first_version ? append_first : append_later)(state, gear, &append, head);
    }
    else if (simple >= 0) {
        done = PyObject_CallMethodObjArgs((PyObject *)state, const_names[N_APPEND_VERSION], version, NULL);
    }
    while (append.count > 0) {
        Py_XDECREF(append.argument[--append.count]);
    }
    Py_XDECREF(done);
    return done != NULL;
}
