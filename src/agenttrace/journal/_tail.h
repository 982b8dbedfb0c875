/* Appender: what appends records to a segment by plain copies; the same stands in Python in
 * journal/tail.py (`_append_plainly`), and is used where this could not be built.
 *
 * An append runs from start to end without giving up the GIL. Include Python.h, _frame.h and _repeat.h before.
 */
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    PyObject *write;    /* the segment's, or a function that raises */
    PyObject *salt;     /* the segment's */
    PyObject *ask;      /* what asks for more pages to be made present: compiled, so that no Python code runs; or None */
    Py_ssize_t ask_at;  /* the place from which on they are asked for */
    long long appended; /* records, by this; those that others append are counted in Python */
    Saying saying;
} Appender;

static PyMemberDef members[] = {
    {"write", T_OBJECT_EX, offsetof(Appender, write), 0, NULL},
    {"salt", T_OBJECT_EX, offsetof(Appender, salt), 0, NULL},
    {"ask", T_OBJECT_EX, offsetof(Appender, ask), 0, NULL},
    {"ask_at", T_PYSSIZET, offsetof(Appender, ask_at), 0, NULL},
    {"_appended", T_LONGLONG, offsetof(Appender, appended), 0, NULL},
    {0},
};

static PyTypeObject *mmap_type; /* mmap.mmap */
static PyObject *of_a_map[2];   /* `tell` and `seek` of some map: what calls them for any other one, without a name */
enum { TELL, SEEK };

typedef PyObject *(*fast_function)(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* The position of a map; NULL and an exception where it has none. */
static PyObject *tell(PyObject *map)
{
    PyCFunction code = PyCFunction_GetFunction(of_a_map[TELL]);
    return PyCFunction_GetFlags(of_a_map[TELL]) == METH_NOARGS ? code(map, NULL) : PyObject_CallMethod(map, "tell", NULL);
}

/* Whether `seek` takes its arguments in a tuple. */
static int seeks_by_tuple(void)
{
    return PyCFunction_GetFlags(of_a_map[SEEK]) == METH_VARARGS;
}

/* Move a map's position on; NULL and an exception where that fails. The tuple of two is for what `seek` takes. */
static PyObject *move_on(PyObject *map, Py_ssize_t size, PyObject *tuple)
{
    PyCFunction code = PyCFunction_GetFunction(of_a_map[SEEK]);
    PyObject *arguments[] = {PyLong_FromSsize_t(size), PyLong_FromLong(SEEK_CUR)}, *done = NULL;
    if (arguments[0] == NULL || arguments[1] == NULL) {
        done = NULL;
    }
    else if (tuple != NULL) {
        PyTuple_SetItem(tuple, 0, Py_NewRef(arguments[0]));
        PyTuple_SetItem(tuple, 1, Py_NewRef(arguments[1]));
        done = code(map, tuple);
    }
    else if (PyCFunction_GetFlags(of_a_map[SEEK]) == METH_FASTCALL) {
        done = ((fast_function)(void (*)(void))code)(map, arguments, 2);
    }
    else {
        done = PyObject_CallMethod(map, "seek", "OO", arguments[0], arguments[1]);
    }
    Py_XDECREF(arguments[0]);
    Py_XDECREF(arguments[1]);
    return done;
}

/* Write a frame by one call of `write`, which is something else than a map's. */
static int write_by_call(Appender *self, uint32_t kind, uint32_t salt, const Payload *payload)
{
    PyObject *frame = new_frame(kind, salt, payload);
    PyObject *write = self->write;
    Py_INCREF(write);
    PyObject *written = frame == NULL ? NULL : PyObject_CallFunctionObjArgs(write, frame, NULL);
    Py_DECREF(write);
    Py_XDECREF(frame);
    Py_XDECREF(written);
    return written != NULL;
}

/* The map that `write` writes to; NULL where it is something else. Borrowed. */
static PyObject *map_of(PyObject *write)
{
    PyObject *map = PyCFunction_Check(write) ? PyCFunction_GetSelf(write) : NULL;
    return map != NULL && Py_TYPE(map) == mmap_type ? map : NULL;
}

/* Where the next frame belongs, which moves behind it; -1 and a ValueError where there is no room, as `write` has it. */
static Py_ssize_t take_place(PyObject *map, Py_ssize_t size, Py_ssize_t end, PyObject *tuple)
{
    PyObject *told = tell(map);
    Py_ssize_t at = told == NULL ? -1 : PyLong_AsSsize_t(told);
    Py_XDECREF(told);
    if (at >= 0 && end - at < size) {
        PyErr_SetString(PyExc_ValueError, "data out of range");
        return -1;
    }
    PyObject *moved = at < 0 ? NULL : move_on(map, size, tuple);
    Py_XDECREF(moved);
    return moved == NULL ? -1 : at;
}

/* Write a frame into the map: what its `write` does, without a copy in between. Nobody else runs before it is done.
 * Returns where it is, or -1 and an exception. */
static Py_ssize_t write_in_place(PyObject *map, const Py_buffer *view, uint32_t kind, uint32_t salt, const Payload *payload,
                                 PyObject *tuple)
{
    Py_ssize_t at = take_place(map, frame_size(payload->size), view->len, tuple);
    if (at >= 0) {
        write_frame((unsigned char *)view->buf + at, kind, salt, payload);
    }
    return at;
}

/* What of a record its caller says stands in the journal already: pieces of the payload, behind the head. */
typedef struct {
    PyObject *place; /* as `append_parts` returned it */
    Py_ssize_t count; /* pieces */
} Source;

static const Source nothing = {NULL, 0};

/* The same as a range; its size is 0 where it stands in another segment, or is too little to be named. */
static Range range_of(const Source *source, const Payload *payload, uint32_t salt)
{
    Range range = {0, 0, HEAD_PIECES, source->count, 0, 0};
    unsigned long long place = PyLong_Check(source->place) ? PyLong_AsUnsignedLongLong(source->place) : 0;
    if (PyErr_Occurred() || place >> 32 != salt || payload->count < HEAD_PIECES + source->count) {
        PyErr_Clear();
        return range;
    }
    range.source = (uint32_t)place;
    for (int i = 0; i < HEAD_PIECES; i++) {
        range.start += (uint32_t)payload->length[i];
    }
    for (Py_ssize_t i = HEAD_PIECES; i < HEAD_PIECES + source->count; i++) {
        range.size += payload->length[i];
    }
    range.size = range.size > ECHO_HEADER ? range.size : 0;
    return range;
}

/* What the payload repeats, of size 0 where it is to be written whole; then it may be kept in the place of `whose`. */
static Range echo_of(Appender *self, const Payload *payload, PyObject *const *pieces, uint32_t salt, Source source,
                     uint32_t bound, Said **whose)
{
    if (source.count > 0) {
        Range range = range_of(&source, payload, salt);
        if (range.size > 0 && range.source >= bound) {
            return range;
        }
    }
    return repeated(&self->saying, payload, pieces, salt, bound, whose);
}

/* Write a record into the map, and count it; where it is, or -1 and an exception. With `is_echo` it names another one. */
static Py_ssize_t write_record(Appender *self, PyObject *map, const Py_buffer *view, PyObject *const *pieces,
                               uint32_t kind, uint32_t salt, Payload *payload, Source source, PyObject *tuple, int *is_echo)
{
    unsigned char header[ECHO_HEADER];
    uint32_t bound = bound_of(view);
    Said *whose = NULL;
    Py_ssize_t count = payload->count;
    Range range = echo_of(self, payload, pieces, salt, source, bound, &whose);
    *is_echo = range.size > 0;
    if (*is_echo) {
        make_echo(payload, &range, header);
        Py_ssize_t at = write_in_place(map, view, kind | ECHO, salt, payload, tuple);
        self->appended += at >= 0;
        if (at < 0 || bound_behind(view) <= range.source) {
            return at;
        }
        *is_echo = 0; /* what it names is about to be overwritten: the same once more, whole */
        take_pieces(payload, pieces, count);
    }
    Py_ssize_t at = write_in_place(map, view, kind, salt, payload, tuple);
    self->appended += at >= 0;
    if (at >= 0) {
        keep_said(&self->saying, pieces, payload, salt, bound, at, whose);
    }
    return at;
}

/* Ask for more pages, once. Whoever is asked already says so by an exception. */
static void ask_for_more(Appender *self)
{
    self->ask_at = PY_SSIZE_T_MAX;
    if (self->ask == NULL || !PyCFunction_Check(self->ask)) {
        return;
    }
    PyObject *ask = Py_NewRef(self->ask), *done = PyObject_CallNoArgs(ask);
    if (done == NULL) {
        PyErr_Clear();
    }
    Py_XDECREF(done);
    Py_DECREF(ask);
}

/* Append a record; a new reference to where it is, or to None where nobody can tell; NULL for an exception. */
static PyObject *append_with(PyObject *tuple, Appender *self, PyObject *kind, PyObject *const *pieces, Py_ssize_t count,
                             Source source)
{
    if (self->write == NULL || self->salt == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "append: there is no segment");
    }
    Payload payload;
    Py_buffer view;
    int is_echo;
    uint32_t number = as_number(kind);
    uint32_t salt = PyErr_Occurred() ? 0 : as_number(self->salt);
    if (PyErr_Occurred() || !take_pieces(&payload, pieces, count)) {
        return NULL;
    }
    PyObject *map = map_of(self->write);
    if (map == NULL) {
        int written = write_by_call(self, number, salt, &payload);
        self->appended += written;
        return written ? Py_NewRef(Py_None) : NULL;
    }
    if (PyObject_GetBuffer(map, &view, PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    Py_ssize_t at = write_record(self, map, &view, pieces, number, salt, &payload, source, tuple, &is_echo);
    PyBuffer_Release(&view);
    if (at < 0) {
        return NULL;
    }
    if (at > self->ask_at) {
        ask_for_more(self);
    }
    return source.place == NULL && !is_echo && at <= UINT32_MAX
               ? PyLong_FromUnsignedLongLong((unsigned long long)salt << 32 | (size_t)at)
               : Py_NewRef(Py_None);
}

/* The same. Of what it makes the tuple alone is known to the garbage collector, which before Python 3.12 may run when one
 * is made, and finalizers with it, which append too. So that comes before all that is looked at. */
static PyObject *append_plainly(Appender *self, PyObject *kind, PyObject *const *pieces, Py_ssize_t count, Source source)
{
    PyObject *tuple = seeks_by_tuple() ? PyTuple_New(2) : NULL;
    if (tuple == NULL && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *done = append_with(tuple, self, kind, pieces, count, source);
    Py_XDECREF(tuple);
    return done;
}

/* The payload as one; what is no bytes is for the report that follows. */
static PyObject *joined(PyObject *const *pieces, Py_ssize_t count)
{
    PyObject *made = NULL;
    if (count == 1) {
        Py_INCREF(pieces[0]);
        return pieces[0];
    }
    PyObject *list = PyList_New(count), *nothing = PyBytes_FromStringAndSize(NULL, 0);
    if (list != NULL && nothing != NULL) {
        for (Py_ssize_t i = 0; i < count; i++) {
            Py_INCREF(pieces[i]);
            PyList_SetItem(list, i, pieces[i]);
        }
        made = PyObject_CallMethod(nothing, "join", "O", list);
        if (made == NULL) {
            PyErr_Clear();
            Py_INCREF(nothing);
            made = nothing;
        }
    }
    Py_XDECREF(list);
    Py_XDECREF(nothing);
    return made;
}

/* What could not be copied: most often there is no room, or the segment is closed. Takes the exception that is set. */
static PyObject *append_carefully(PyObject *self, PyObject *kind, PyObject *const *pieces, Py_ssize_t count)
{
    PyObject *type, *error, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return NULL;
    }
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    PyObject *payload = joined(pieces, count);
    PyObject *done =
        payload == NULL ? NULL : PyObject_CallMethod(self, "_append_carefully", "OOO", kind, payload, error);
    Py_XDECREF(payload);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return done;
}

static PyObject *append_all(PyObject *self, PyObject *const *given, Py_ssize_t count, Source source)
{
    PyObject *done = append_plainly((Appender *)self, given[0], given + 1, count - 1, source);
    return done != NULL ? done : append_carefully(self, given[0], given + 1, count - 1);
}

static PyObject *append_parts(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    if (count < 1) {
        return PyErr_Format(PyExc_TypeError, "append: takes a kind and bytes");
    }
    return append_all(self, given, count, nothing);
}

/* append_again(place, pieces, kind, *pieces): so many of the pieces behind the first three stand at that place already. */
static PyObject *append_again(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    Source source = {NULL, 0};
    if (count >= 3) {
        source = (Source){given[0], PyLong_AsSsize_t(given[1])};
    }
    if (count < 3 || source.count < 0 || PyErr_Occurred()) {
        return PyErr_Format(PyExc_TypeError, "append_again: takes a place, how many pieces stand there, a kind and bytes");
    }
    return append_all(self, given + 2, count - 2, source);
}

static PyObject *append(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    if (count != 2) {
        return PyErr_Format(PyExc_TypeError, "append: takes a kind and a payload");
    }
    PyObject *done = append_all(self, given, count, nothing);
    Py_XDECREF(done);
    return done == NULL ? NULL : Py_NewRef(Py_None);
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Appender *appender = (Appender *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(appender->write);
    Py_VISIT(appender->salt);
    Py_VISIT(appender->ask);
    return 0;
}

static int clear(PyObject *self)
{
    Appender *appender = (Appender *)self;
    Py_CLEAR(appender->write);
    Py_CLEAR(appender->salt);
    Py_CLEAR(appender->ask);
    forget_all(&appender->saying);
    return 0;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef appender_methods[] = {
    {"append", (PyCFunction)(void (*)(void))append, METH_FASTCALL, "Append a record."},
    {"append_parts", (PyCFunction)(void (*)(void))append_parts, METH_FASTCALL, "Append a record that is in pieces."},
    {"append_again", (PyCFunction)(void (*)(void))append_again, METH_FASTCALL,
     "Append a record of which a part stands in the journal already."},
    {0},
};
static PyType_Slot slots[] = {
    {Py_tp_members, members}, {Py_tp_methods, appender_methods}, {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},     {Py_tp_dealloc, dealloc}, {0, NULL},
};
static PyType_Spec spec = {
    "agenttrace.journal._native.Appender", sizeof(Appender), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots,
};

/* Take `tell` and `seek` from a map of the smallest size; 0 for an exception. */
static int know_maps(void)
{
    PyObject *mmap = PyImport_ImportModule("mmap");
    mmap_type = mmap == NULL ? NULL : (PyTypeObject *)PyObject_GetAttrString(mmap, "mmap");
    PyObject *map = mmap_type == NULL ? NULL : PyObject_CallFunction((PyObject *)mmap_type, "ii", -1, 1);
    of_a_map[TELL] = map == NULL ? NULL : PyObject_GetAttrString(map, "tell");
    of_a_map[SEEK] = map == NULL ? NULL : PyObject_GetAttrString(map, "seek");
    Py_XDECREF(map);
    Py_XDECREF(mmap);
    return of_a_map[TELL] != NULL && of_a_map[SEEK] != NULL && PyCFunction_Check(of_a_map[TELL]) &&
           PyCFunction_Check(of_a_map[SEEK]);
}

static int add_appender(PyObject *module)
{
    PyObject *type = know_maps() ? PyType_FromSpec(&spec) : NULL;
    int added = type != NULL && PyModule_AddObjectRef(module, "Appender", type) == 0;
    Py_XDECREF(type);
    return added;
}
