/* append_version(state, gear, version): append a span as it is now. Include Python.h, _state.h and _given.h before. */

/* Call a field with an argument or none: the field may be set anew meanwhile. */
static PyObject *called(PyObject *function, PyObject *argument)
{
    Py_INCREF(function);
    PyObject *made = PyObject_CallFunctionObjArgs(function, argument, NULL);
    Py_DECREF(function);
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
    PyObject *time = called(gear->object[CLOCK], NULL);
    long long now = time == NULL ? -1 : PyLong_AsLongLong(time);
    Py_XDECREF(time);
    return now >= 0 ? now / 1000 : now == -1 && PyErr_Occurred() ? -1 : -((-now + 999) / 1000);
}

static unsigned long long number_of(Gear *gear)
{
    PyObject *number = called(gear->object[SEQUENCE], NULL);
    unsigned long long value = number == NULL ? 0 : PyLong_AsUnsignedLongLong(number);
    Py_XDECREF(number);
    return value;
}

/* Content, each value behind its key, into the arguments from `at` on; -1 for an exception. */
static Py_ssize_t add_content(PyObject *arguments, Py_ssize_t at, PyObject *content)
{
    PyObject *key, *fragment;
    Py_ssize_t place = 0, size = 0;
    while (PyDict_Next(content, &place, &key, &fragment)) {
        PyObject *head = PyDict_GetItemWithError(given.key_json, key);
        if (head == NULL || !PyBytes_Check(fragment)) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_KeyError, "content: no such key");
            }
            return -1;
        }
        size += PyBytes_Size(head) + PyBytes_Size(fragment);
        Py_INCREF(head);
        Py_INCREF(fragment);
        PyTuple_SetItem(arguments, at++, head);
        PyTuple_SetItem(arguments, at++, fragment);
    }
    return size;
}

/* Room for the arguments of an append with this content; NULL for an exception. */
static PyObject *room_for(PyObject *content)
{
    for (;;) {
        Py_ssize_t count = PyDict_Size(content);
        PyObject *room = PyTuple_New(4 + 2 * count);
        if (room == NULL || PyDict_Size(content) == count) {
            return room;
        }
        Py_DECREF(room); /* a finalizer ran, and let another thread set a value */
    }
}

static PyObject *envelope_of(State *state)
{
    PyObject *made = NULL, *scope = state->object[SCOPE];
    PyObject *text = PyObject_GetAttr(state->object[OPTIONS], const_names[N_STATIC]);
    PyObject *known = text == NULL ? NULL : PyObject_GetAttr(scope, const_names[N_ENVELOPES]);
    if (known != NULL && PyDict_Check(known)) {
        made = PyDict_GetItemWithError(known, text);
        Py_XINCREF(made);
    }
    if (made == NULL && !PyErr_Occurred()) {
        made = PyObject_CallMethodObjArgs(scope, const_names[N_ENVELOPE], text, NULL);
    }
    Py_XDECREF(text);
    Py_XDECREF(known);
    return made;
}

/* The arguments of an append of this version; NULL for an exception. */
static PyObject *pieces_of(State *state, PyObject *version, Py_ssize_t *size)
{
    PyObject *content = state->object[CONTENT];
    PyObject *envelope = envelope_of(state);
    if (envelope == NULL || !PyBytes_Check(envelope)) {
        Py_XDECREF(envelope);
        return envelope == NULL ? NULL : PyErr_Format(PyExc_TypeError, "envelope: bytes are needed");
    }
    PyObject *pieces = room_for(content);
    if (pieces == NULL) {
        Py_DECREF(envelope);
        return NULL;
    }
    *size = PyBytes_Size(state->object[FIXED]) + PyBytes_Size(version) + PyBytes_Size(envelope);
    Py_INCREF(given.kind);
    Py_INCREF(state->object[FIXED]);
    Py_INCREF(version);
    PyTuple_SetItem(pieces, 0, given.kind);
    PyTuple_SetItem(pieces, 1, state->object[FIXED]);
    PyTuple_SetItem(pieces, 2, version);
    PyTuple_SetItem(pieces, 3, envelope);
    Py_ssize_t more = add_content(pieces, 4, content);
    *size += more;
    if (more < 0) {
        Py_CLEAR(pieces);
    }
    return pieces;
}

/* Append the span as it is now; 0 for an exception. */
static int append_version(State *state, Gear *gear, PyObject *version)
{
    Py_ssize_t size = 0;
    PyObject *pieces = pieces_of(state, version, &size), *done;
    if (pieces == NULL) {
        return 0;
    }
    if (size > PyLong_AsSsize_t(gear->object[LIMIT])) {
        done = PyObject_CallMethodObjArgs((PyObject *)state, const_names[N_APPEND_VERSION], version, NULL);
    }
    else {
        PyObject *append = gear->object[APPEND_PARTS];
        Py_INCREF(append);
        done = PyObject_CallObject(append, pieces);
        Py_DECREF(append);
    }
    Py_DECREF(pieces);
    Py_XDECREF(done);
    return done != NULL;
}

