/* Maker: a span maker whose usual calls need no frame of Python, see record/makers.py. Include _silent.h before. */

/* PEP 590. The stable ABI of 3.12 has all of it, under the same numbers as 3.11. */
#ifndef Py_TPFLAGS_HAVE_VECTORCALL
#define Py_TPFLAGS_HAVE_VECTORCALL (1UL << 11)
#endif
#define POSITIONAL(count) ((Py_ssize_t)((count) & ~((size_t)1 << (8 * sizeof(size_t) - 1))))

typedef PyObject *(*caller)(PyObject *self, PyObject *const *arguments, size_t count, PyObject *words);

enum { METHOD, TYPE, FIRST_KEY, KEYS, DOC, MAKER_OBJECTS };

typedef struct {
    PyObject_HEAD
    caller call;
    PyObject *weak; /* references to it */
    PyObject *object[MAKER_OBJECTS];
} Maker;

static PyObject *span_class, *silent_class, *bound_method;

static PyObject *classes(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *spans, *silent, *method;
    if (!PyArg_ParseTuple(arguments, "O!O!O!", &PyType_Type, &spans, &PyType_Type, &silent, &PyType_Type, &method)) {
        return NULL;
    }
    if (!PyType_IsSubtype((PyTypeObject *)spans, state_type) || !PyType_IsSubtype((PyTypeObject *)silent, quiet_type)) {
        return PyErr_Format(PyExc_TypeError, "classes: takes a class of spans and one of silent spans");
    }
    Py_INCREF(arguments); /* for good, and with it what is in it */
    span_class = spans;
    silent_class = silent;
    bound_method = method;
    Py_RETURN_NONE;
}

/* What a call gives: borrowed, but for the content. The values belong to the words, in their order. */
typedef struct {
    PyObject *makers, *type, *name, *content, *state_name, *provider, *words, *const *values;
    Py_ssize_t count;
} Call;

/* Whether a run type stands in records as it is, and has its input under `input`. */
static int is_plain_type(PyObject *type)
{
    Py_ssize_t length;
    const char *text = PyUnicode_CheckExact(type) ? PyUnicode_AsUTF8AndSize(type, &length) : NULL;
    if (text == NULL || length == 0 || PyUnicode_CompareWithASCIIString(type, "context") == 0) {
        PyErr_Clear();
        return 0;
    }
    char before = '_';
    for (Py_ssize_t i = 0; i < length; before = text[i++]) {
        if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') && !(text[i] == '_' && before != '_')) {
            return 0;
        }
    }
    return before != '_';
}

/* Where a word is among those of a call, which are interned as it is; -1: nowhere. */
static Py_ssize_t place_of(PyObject *word, const Call *call)
{
    Py_ssize_t i = call->count - 1;
    while (i >= 0 && PyTuple_GetItem(call->words, i) != word) {
        i--;
    }
    return i;
}

/* 1: the values of a call by content key; 0: not so simple; -1: an exception. */
static int take_content(PyObject *const *object, Call *call)
{
    if (object[FIRST_KEY] != Py_None && PyDict_SetItem(call->content, object[FIRST_KEY], call->name) < 0) {
        return -1;
    }
    PyObject *word, *key;
    Py_ssize_t at = 0, found = 0;
    while (found < call->count && PyDict_Next(object[KEYS], &at, &word, &key)) { /* in the method's order */
        Py_ssize_t i = place_of(word, call);
        PyObject *value = i < 0 ? Py_None : call->values[i];
        found += i >= 0;
        if (value == given.unset) {
            return 0;
        }
        if (value == Py_None) {
            continue;
        }
        if (key == Py_None) {
            call->provider = value;
        } else if (PyDict_SetItem(call->content, key, value) < 0) {
            return -1;
        } else if (key == const_names[N_STATE_NAME]) {
            call->state_name = value;
        }
    }
    return found == call->count && (call->state_name == Py_None || PyUnicode_CheckExact(call->state_name)) &&
           (call->provider == Py_None || PyUnicode_CheckExact(call->provider));
}

/* A span with remembered options; Py_None where there are none; NULL for an exception. */
static PyObject *remembered(PyObject *recorder, const Call *call)
{
    PyObject *known = PyObject_GetAttr(recorder, const_names[N_OPTIONS]);
    PyObject *key = known == NULL ? NULL : PyTuple_Pack(4, call->type, call->name, call->state_name, call->provider);
    PyObject *options = key == NULL || !PyDict_Check(known) ? NULL : PyDict_GetItemWithError(known, key);
    Py_XINCREF(options);
    Py_XDECREF(key);
    Py_XDECREF(known);
    if (options == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyObject *span = made((PyTypeObject *)span_class, recorder, options, call->content);
    Py_DECREF(options);
    return span;
}

/* A span that keeps nothing; Py_None where a parameter is unknown; NULL for an exception. */
static PyObject *quiet(PyObject *const *object, const Call *call)
{
    PyObject *values = PyTuple_New(call->count);
    for (Py_ssize_t i = 0; values != NULL && i < call->count; i++) {
        if (PyDict_GetItemWithError(object[KEYS], PyTuple_GetItem(call->words, i)) == NULL) {
            Py_DECREF(values);
            return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
        }
        PyTuple_SetItem(values, i, Py_NewRef(call->values[i]));
    }
    PyObject *span = values == NULL ? NULL : new_quiet(silent_class, call->makers, call->type, call->name);
    if (span != NULL) {
        PyObject **quiet = ((Quiet *)span)->object;
        quiet[WORDS] = Py_NewRef(call->words == NULL ? values : call->words); /* of no words: the empty tuple */
        quiet[GIVEN] = Py_NewRef(values);
        quiet[KEY_OF] = Py_NewRef(object[KEYS]);
    }
    Py_XDECREF(values);
    return span;
}

/* A span; Py_None where the call is not so simple; NULL for an exception. */
static PyObject *usual(PyObject *const *object, Call *call, PyObject *recorder)
{
    call->content = PyDict_New();
    int simple = call->content == NULL ? -1 : take_content(object, call);
    PyObject *span = simple < 0 ? NULL : simple == 0 ? Py_NewRef(Py_None) : remembered(recorder, call);
    Py_CLEAR(call->content);
    return span;
}

/* What the call gives; Py_None where it is not so simple; NULL for an exception. */
static PyObject *made_by(PyObject *const *object, Call *call)
{
    PyObject *recorder = PyObject_GetAttr(call->makers, const_names[N_RECORDER]);
    if (recorder == NULL) {
        return NULL;
    }
    PyObject *enabled = PyObject_TypeCheck(recorder, gear_type) ? ((Gear *)recorder)->object[ENABLED] : NULL;
    PyObject *span = enabled == Py_True    ? usual(object, call, recorder)
                     : enabled == Py_False ? quiet(object, call)
                                           : Py_NewRef(Py_None);
    Py_DECREF(recorder);
    return span;
}

/* The method; NULL and an exception after the garbage collector has cleared the maker. */
static PyObject *method_of(PyObject *maker)
{
    PyObject *method = ((Maker *)maker)->object[METHOD];
    if (method == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Maker: it is no more");
    }
    return method;
}

/* The method's own answer. */
static PyObject *asked(PyObject *method, PyObject *const *arguments, Py_ssize_t count, PyObject *words)
{
    Py_ssize_t named = words == NULL ? 0 : PyTuple_Size(words);
    PyObject *tuple = PyTuple_New(count), *dict = PyDict_New(), *answer = NULL;
    int done = tuple != NULL && dict != NULL;
    for (Py_ssize_t i = 0; done && i < count; i++) {
        PyTuple_SetItem(tuple, i, Py_NewRef(arguments[i]));
    }
    for (Py_ssize_t i = 0; done && i < named; i++) {
        done = PyDict_SetItem(dict, PyTuple_GetItem(words, i), arguments[count + i]) == 0;
    }
    if (done) {
        answer = PyObject_Call(method, tuple, dict);
    }
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return answer;
}

static PyObject *call_maker(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *words)
{
    PyObject *const *object = ((Maker *)self)->object;
    if (method_of(self) == NULL) {
        return NULL;
    }
    int typed = object[TYPE] != Py_None; /* else the caller says the type first */
    Py_ssize_t count = POSITIONAL(flagged);
    if (silent_class != NULL && count == 3 - typed && PyUnicode_CheckExact(arguments[count - 1])) {
        Call call = {
            .makers = arguments[0], .type = typed ? object[TYPE] : arguments[1], .name = arguments[count - 1],
            .state_name = Py_None, .provider = Py_None,
            .words = words, .values = arguments + count, .count = words == NULL ? 0 : PyTuple_Size(words),
        };
        PyObject *span = typed || is_plain_type(call.type) ? made_by(object, &call) : Py_NewRef(Py_None);
        if (span != Py_None) {
            return span;
        }
        Py_DECREF(span);
    }
    return asked(object[METHOD], arguments, count, words);
}

static PyObject *call_method(PyObject *self, PyObject *arguments, PyObject *named)
{
    PyObject *method = method_of(self);
    return method == NULL ? NULL : PyObject_Call(method, arguments, named);
}

static PyObject *bind_maker(PyObject *self, PyObject *instance, PyObject *type)
{
    (void)type;
    if (instance == NULL || instance == Py_None || bound_method == NULL) {
        return Py_NewRef(self);
    }
    return PyObject_CallFunctionObjArgs(bound_method, self, instance, NULL);
}

/* What is not found here is the method's. So are the module, which every class has for itself, and the class: whoever
 * asks with `isinstance` whether it is a function, as unittest.mock does, means what can be done with it. */
static PyObject *attribute_of_maker(PyObject *self, PyObject *name)
{
    int of_class = PyUnicode_CompareWithASCIIString(name, "__module__") == 0 ||
                   PyUnicode_CompareWithASCIIString(name, "__class__") == 0;
    PyObject *found = of_class ? NULL : PyObject_GenericGetAttr(self, name);
    if (of_class || (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))) {
        PyErr_Clear();
        PyObject *method = method_of(self);
        found = method == NULL ? NULL : PyObject_GetAttr(method, name);
    }
    return found;
}

/* By its name, as a function: a copy is itself. */
static PyObject *reduce_maker(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *method = method_of(self);
    return method == NULL ? NULL : PyObject_GetAttrString(method, "__qualname__");
}

static PyObject *new_maker(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    PyObject *method, *run_type, *first_key, *keys;
    if (named != NULL || !PyArg_ParseTuple(arguments, "OOOO!", &method, &run_type, &first_key, &PyDict_Type, &keys)) {
        return PyErr_Format(PyExc_TypeError, "Maker: takes a method, a run type, the name's key and the other keys");
    }
    PyObject *made = PyType_GenericAlloc(type, 0);
    if (made == NULL) {
        return NULL;
    }
    ((Maker *)made)->call = call_maker;
    PyObject **object = ((Maker *)made)->object;
    object[METHOD] = Py_NewRef(method);
    object[TYPE] = Py_NewRef(run_type);
    object[FIRST_KEY] = Py_NewRef(first_key);
    object[KEYS] = Py_NewRef(keys);
    if ((object[DOC] = PyObject_GetAttrString(method, "__doc__")) == NULL) {
        Py_CLEAR(made);
    }
    return made;
}

static int traverse_maker(PyObject *self, visitproc visit, void *arg)
{
    return visit_all(self, ((Maker *)self)->object, MAKER_OBJECTS, visit, arg);
}

static int clear_maker(PyObject *self)
{
    return clear_all(((Maker *)self)->object, MAKER_OBJECTS);
}

static void dealloc_maker(PyObject *self)
{
    PyObject_GC_UnTrack(self); /* before callbacks run */
    PyObject_ClearWeakRefs(self);
    dealloc_all(self, ((Maker *)self)->object, MAKER_OBJECTS);
}

static PyMemberDef maker_members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(Maker, object) + METHOD * sizeof(PyObject *), READONLY, NULL},
    AN_OBJECT(Maker, "__doc__", DOC),
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Maker, weak), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Maker, call), READONLY, NULL}, {0},
};
static PyMethodDef maker_methods[] = {
    {"__reduce__", reduce_maker, METH_NOARGS, "Return the method's name."},
    {0},
};
static PyType_Slot maker_slots[] = {
    {Py_tp_methods, maker_methods},
    {Py_tp_new, new_maker}, {Py_tp_call, call_method}, {Py_tp_descr_get, bind_maker},
    {Py_tp_getattro, attribute_of_maker}, {Py_tp_members, maker_members}, {Py_tp_traverse, traverse_maker},
    {Py_tp_clear, clear_maker}, {Py_tp_dealloc, dealloc_maker}, {0, NULL},
};
static PyType_Spec maker_spec = {
    "agenttrace.record._native.Maker", sizeof(Maker), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_HAVE_VECTORCALL, maker_slots,
};

static int add_maker(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&maker_spec);
    int done = type != NULL && PyModule_AddObjectRef(module, "Maker", type) == 0;
    Py_XDECREF(type);
    return done;
}
