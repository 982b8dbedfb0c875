/* begun(state, gear): the beginning of a usual span, see record/usual.py. Include _version.h before. */

/* What a new span takes from the context; borrowed from `context` or from the recorder. */
typedef struct {
    State *parent, *root; /* NULL: none */
    PyObject *scope;
} Place;

/* 1: found; 0: not so simple; -1: an exception. */
static int find_place(State *span, Gear *gear, PyObject *context, Place *place)
{
    PyObject *parent = PyDict_GetItemWithError(context, given.current);
    PyObject *scope = parent == NULL && PyErr_Occurred() ? NULL : PyDict_GetItemWithError(context, given.scope);
    if (PyErr_Occurred()) {
        return -1;
    }
    place->scope = scope == NULL || scope == Py_None ? gear->object[BASE_SCOPE] : scope;
    if (parent == NULL || parent == Py_None) {
        return 1;
    }
    State *above = (State *)parent;
    if (Py_TYPE(parent) != Py_TYPE((PyObject *)span) || !is_bytes(above->object[SPAN], 8) ||
        !is_bytes(above->object[TRACE], 16) || above->object[ROOT] == NULL) {
        return 0;
    }
    place->parent = above;
    place->root = above->object[ROOT] == Py_None ? above : (State *)above->object[ROOT];
    return place->root->object[SCOPE] == place->scope;
}

/* Take ids, times and parents; 0 for an exception. */
static int identify(State *state, Gear *gear, const Place *place)
{
    char fixed[56];
    long long now = now_of(gear);
    if (now == -1 && PyErr_Occurred()) {
        return 0;
    }
    PyObject *trace = NULL, *time = NULL;
    if (place->parent != NULL) {
        trace = place->parent->object[TRACE];
        Py_INCREF(trace);
    }
    else {
        time = PyLong_FromLongLong(now);
        trace = time == NULL ? NULL : asked_of(gear->object[NEW_TRACE], time);
        Py_XDECREF(time);
    }
    PyObject *id = trace == NULL ? NULL : asked_of(gear->object[NEW_SPAN], NULL);
    unsigned long long number = id == NULL ? 0 : number_of(gear);
    PyObject *whole = NULL;
    if (!PyErr_Occurred() && !(is_bytes(trace, 16) && is_bytes(id, 8))) {
        PyErr_SetString(PyExc_ValueError, "ids: a trace id is 16 bytes, a span id 8");
    }
    if (!PyErr_Occurred()) {
        state->started_at = now;
        state->turn = place->parent != NULL ? place->parent->turn : now;
        memcpy(fixed, PyBytes_AsString(trace), 16);
        memcpy(fixed + 16, PyBytes_AsString(id), 8);
        if (place->parent != NULL) {
            memcpy(fixed + 24, PyBytes_AsString(place->parent->object[SPAN]), 8);
        }
        else {
            memset(fixed + 24, 0, 8);
        }
        put_number(fixed + 32, (unsigned long long)state->started_at, 8);
        put_number(fixed + 40, (unsigned long long)state->turn, 8);
        put_number(fixed + 48, number, 8);
        whole = PyBytes_FromStringAndSize(fixed, sizeof fixed);
    }
    if (whole == NULL) {
        Py_XDECREF(trace);
        Py_XDECREF(id);
        return 0;
    }
    take(state, TRACE, trace);
    take(state, SPAN, id);
    take(state, FIXED, whole);
    keep(state, SCOPE, place->scope);
    keep(state, PARENT, place->parent == NULL ? Py_None : (PyObject *)place->parent);
    keep(state, ROOT, place->root == NULL ? Py_None : (PyObject *)place->root);
    state->flags = 0;
    state->generation = gear->generation;
    return 1;
}

/* Make the span the current one; 0 for an exception. */
static int make_current(State *state, PyObject *context)
{
    PyObject *inside = PyObject_CallNoArgs(given.context), *token = NULL;
    if (inside != NULL && PyDict_Update(inside, context) == 0 &&
        PyDict_SetItem(inside, given.current, (PyObject *)state) == 0 &&
        PyDict_SetItem(inside, given.ours, (PyObject *)state) == 0) {
        token = changed_by(given.enter, inside);
    }
    Py_XDECREF(inside);
    if (token != NULL) {
        take(state, TOKEN, token);
    }
    return token != NULL;
}

/* 1: begun; 0: not so simple, and nothing done; -1: an exception. */
static int begun(State *state, Gear *gear)
{
    OptionFields *options = options_of(state);
    if (options == NULL || options->object[OF_SCOPE] != Py_None) {
        return options == NULL ? -1 : 0;
    }
    PyObject *context = called(given.get, NULL, 0);
    if (context == NULL || !PyDict_Check(context)) {
        Py_XDECREF(context);
        return context == NULL ? -1 : 0;
    }
    Place place = {NULL, NULL, NULL};
    int done = find_place(state, gear, context, &place);
    if (done > 0) {
        PyObject *scope = Py_NewRef(place.scope);
        done = identify(state, gear, &place) ? 1 : -1;
        Py_DECREF(scope);
    }
    if (done > 0) {
        state->state = RUNNING;
        state->revision = 1;
        done = append_version(state, gear, given.first_version) && make_current(state, context) ? 1 : -1;
    }
    Py_DECREF(context);
    return done;
}

