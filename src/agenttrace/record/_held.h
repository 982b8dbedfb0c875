/* Held: a property of spans that is set without a frame of Python where the value is plain. Include _state.h before.
 *
 * Held(property, key, keys): the value's content key is `keys[run type]`, else `key`; all else is the property's.
 */
enum { PROPERTY, KEY, KEY_BY_TYPE, HELD_DOC, HELD_OBJECTS };

typedef struct {
    PyObject_HEAD
    PyObject *object[HELD_OBJECTS];
} Held;

COLLECTED(Held, held, object[0], HELD_OBJECTS)

/* A new reference; NULL and an exception after the garbage collector has cleared it. */
static PyObject *property_of(PyObject *held)
{
    PyObject *property = ((Held *)held)->object[PROPERTY];
    if (property == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Held: it is no more");
    }
    return Py_XNewRef(property);
}

static PyObject *get_held(PyObject *self, PyObject *span, PyObject *type)
{
    PyObject *property = property_of(self);
    descrgetfunc get = property == NULL ? NULL : (descrgetfunc)PyType_GetSlot(Py_TYPE(property), Py_tp_descr_get);
    PyObject *found = get == NULL ? NULL : get(property, span, type);
    Py_XDECREF(property);
    return found;
}

/* 1: kept; 0: not so simple; -1: an exception. */
static int hold(PyObject **object, PyObject *span, PyObject *value)
{
    if (value == NULL || object[KEY] == NULL || !PyObject_TypeCheck(span, state_type)) {
        return 0;
    }
    OptionFields *options = options_of((State *)span);
    PyObject *key = options == NULL ? NULL : PyDict_GetItemWithError(object[KEY_BY_TYPE], options->object[OF_TYPE]);
    if (key == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        key = object[KEY];
    }
    return filled(span, key, value, 1);
}

static int set_held(PyObject *self, PyObject *span, PyObject *value)
{
    int done = hold(((Held *)self)->object, span, value);
    if (done) {
        return done < 0 ? -1 : 0;
    }
    PyObject *property = property_of(self);
    descrsetfunc set = property == NULL ? NULL : (descrsetfunc)PyType_GetSlot(Py_TYPE(property), Py_tp_descr_set);
    int failed = set == NULL ? -1 : set(property, span, value);
    Py_XDECREF(property);
    return failed;
}

static PyObject *new_held(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    PyObject *property, *key, *by_type;
    if (named != NULL || !PyArg_ParseTuple(arguments, "O!UO!", &PyProperty_Type, &property, &key, &PyDict_Type, &by_type)) {
        return PyErr_Format(PyExc_TypeError, "Held: takes a property, a content key and those of run types");
    }
    PyObject *made = PyType_GenericAlloc(type, 0);
    if (made == NULL) {
        return NULL;
    }
    PyObject **object = ((Held *)made)->object;
    object[PROPERTY] = Py_NewRef(property);
    object[KEY] = Py_NewRef(key);
    object[KEY_BY_TYPE] = Py_NewRef(by_type);
    if ((object[HELD_DOC] = PyObject_GetAttrString(property, "__doc__")) == NULL) {
        Py_CLEAR(made);
    }
    return made;
}

static PyMemberDef held_members[] = {
    AN_OBJECT(Held, "__doc__", HELD_DOC),
    {"__wrapped__", T_OBJECT_EX, offsetof(Held, object) + PROPERTY * sizeof(PyObject *), READONLY, NULL},
    {0},
};
static PyType_Slot held_slots[] = {
    {Py_tp_new, new_held}, {Py_tp_descr_get, get_held}, {Py_tp_descr_set, set_held}, {Py_tp_members, held_members},
    {Py_tp_traverse, traverse_held}, {Py_tp_clear, clear_held}, {Py_tp_dealloc, dealloc_held}, {0, NULL},
};
static PyType_Spec held_spec = {
    "agenttrace.record._native.Held", sizeof(Held), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, held_slots,
};

static int add_held(PyObject *module)
{
    PyObject *type = (PyObject *)added(module, &held_spec);
    Py_XDECREF(type);
    return type != NULL;
}
