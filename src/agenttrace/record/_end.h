/* ended(state, gear): the end of a usual span, see record/usual.py. Include _version.h before. */

static PyObject *end_version(State *state)
{
    char version[24] = {0};
    put_number(version, (unsigned long long)state->end_time, 8);
    put_number(version + 8, state->end_number, 8);
    put_number(version + 16, (unsigned)state->revision | HOME, 4);
    version[20] = RANK_END;
    version[21] = IS_SUCCESS;
    version[22] = (char)state->flags;
    return PyBytes_FromStringAndSize(version, sizeof version);
}

/* Make current again what was current before; 0 for an exception. */
static int leave(State *state)
{
    PyObject *token = state->object[TOKEN];
    if (token == Py_None) {
        return 1;
    }
    Py_INCREF(token);
    keep(state, TOKEN, Py_None);
    PyObject *done = changed_by(given.reset, token);
    if (done == NULL && (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_RuntimeError))) {
        PyErr_Clear(); /* another context, in which nothing was attached */
        done = PyObject_CallMethod((PyObject *)state, "leave_elsewhere", "O", token);
    }
    Py_DECREF(token);
    Py_XDECREF(done);
    return done != NULL;
}

static int ended(State *state, Gear *gear)
{
    long long now = now_of(gear);
    unsigned long long number = now == -1 && PyErr_Occurred() ? 0 : number_of(gear);
    if (PyErr_Occurred()) {
        return -1;
    }
    state->state = ENDED;
    state->end_time = now < state->started_at ? state->started_at : now;
    state->end_number = number;
    state->end_status = IS_SUCCESS;
    PyObject *version = end_version(state);
    state->revision++;
    int done = version != NULL && append_version(state, gear, version) && leave(state);
    Py_XDECREF(version);
    return done ? 1 : -1;
}

