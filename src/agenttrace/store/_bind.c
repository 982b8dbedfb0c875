/* bind(rows, filled, gaps): rows to insert as the driver of SQLite takes them; see store/sqlite_tables.py.
 *
 * The same in Python stands there, and is used where this could not be built. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../model/_row.h"

enum {
    MOST = 256, /* columns */

    /* What was seen of a column. */
    FILLED = 1, /* a value */
    GAP = 2,    /* None */
    TAKEN = 4   /* the number that stands for None where there are gaps */
};

static const double NOTHING = -0.5;

static int kind_of(PyObject *value)
{
    if (value == Py_None) {
        return GAP;
    }
    return PyFloat_Check(value) && PyFloat_AsDouble(value) == NOTHING ? FILLED | TAKEN : FILLED;
}

static PyTypeObject *fields_type; /* RunFields */

/* A row: a tuple, or a run with its fields. */
typedef struct {
    PyObject *tuple, **fields;
    Py_ssize_t width;
} Line;

/* Take a row of a list apart; 0 and an exception where it is none, or not of this width. */
static int take(Line *line, PyObject *rows, Py_ssize_t place, Py_ssize_t width)
{
    PyObject *row = PyList_GetItem(rows, place);
    line->tuple = NULL;
    line->fields = NULL;
    line->width = -1;
    if (row != NULL && PyTuple_Check(row)) {
        line->tuple = row;
        line->width = PyTuple_Size(row);
    } else if (row != NULL && PyObject_TypeCheck(row, fields_type)) {
        line->fields = ((Row *)row)->object;
        line->width = COUNT;
        for (Py_ssize_t column = 0; column < COUNT; column++) {
            line->width = line->fields[column] == NULL ? -1 : line->width;
        }
    }
    if (line->width < 0 || line->width > MOST || (width >= 0 && line->width != width)) {
        PyErr_Format(PyExc_ValueError, "bind: rows are whole, and tuples of the same length, of at most %d values", MOST);
        return 0;
    }
    return 1;
}

static PyObject *value_at(const Line *line, Py_ssize_t column)
{
    return line->fields != NULL ? line->fields[column] : PyTuple_GetItem(line->tuple, column);
}

/* Say what is in the columns; 0 and an exception where these are no rows of one width. */
static int look_at(PyObject *rows, Py_ssize_t count, Py_ssize_t width, char *seen)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Line line;
        if (!take(&line, rows, i, width)) {
            return 0;
        }
        for (Py_ssize_t column = 0; column < width; column++) {
            seen[column] |= kind_of(value_at(&line, column));
        }
    }
    return 1;
}

/* Add what was known of columns before. */
static int add_known(PyObject *known, Py_ssize_t width, char *seen, char what)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(known); i++) {
        Py_ssize_t column = PyLong_AsSsize_t(PyTuple_GetItem(known, i));
        if (PyErr_Occurred()) {
            return 0;
        }
        if (column < 0 || column >= width) {
            PyErr_Format(PyExc_ValueError, "bind: there is no column %zd", column);
            return 0;
        }
        seen[column] |= what;
    }
    return 1;
}

/* A new reference, or NULL. */
static PyObject *bindable(PyObject *value, char what, PyObject *nothing)
{
    if (PyBytes_CheckExact(value)) {
        return PyByteArray_FromStringAndSize(PyBytes_AsString(value), PyBytes_Size(value));
    }
    if (PyBool_Check(value)) {
        return PyLong_FromLong(value == Py_True);
    }
    return Py_NewRef(value == Py_None && what & GAP ? nothing : value);
}

/* The columns that are all of this. */
static PyObject *places_of(const char *seen, Py_ssize_t width, char what)
{
    PyObject *places = PyList_New(0);
    for (Py_ssize_t column = 0; column < width && places != NULL; column++) {
        if ((seen[column] & what) == what) {
            PyObject *number = PyLong_FromSsize_t(column);
            if (number == NULL || PyList_Append(places, number) < 0) {
                Py_CLEAR(places);
            }
            Py_XDECREF(number);
        }
    }
    PyObject *made = places == NULL ? NULL : PyList_AsTuple(places);
    Py_XDECREF(places);
    return made;
}

static PyObject *values_of(PyObject *rows, Py_ssize_t count, Py_ssize_t width, const char *seen, Py_ssize_t columns)
{
    PyObject *values = PyTuple_New(count * columns), *nothing = PyFloat_FromDouble(NOTHING);
    Py_ssize_t place = 0;
    for (Py_ssize_t i = 0; i < count && values != NULL && nothing != NULL; i++) {
        Line line;
        if (!take(&line, rows, i, width)) {
            Py_CLEAR(values);
        }
        for (Py_ssize_t column = 0; column < width && values != NULL; column++) {
            PyObject *value = seen[column] & FILLED ? bindable(value_at(&line, column), seen[column], nothing) : NULL;
            if (seen[column] & FILLED && (value == NULL || PyTuple_SetItem(values, place++, value) < 0)) {
                Py_CLEAR(values);
            }
        }
    }
    if (nothing == NULL) {
        Py_CLEAR(values);
    }
    Py_XDECREF(nothing);
    return values;
}

static PyObject *bind(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    (void)module;
    if (given != 3 || !PyList_Check(args[0]) || !PyTuple_Check(args[1]) || !PyTuple_Check(args[2]) ||
        PyList_Size(args[0]) == 0) {
        return PyErr_Format(PyExc_TypeError, "bind: takes a list of rows and two tuples of columns");
    }
    PyObject *rows = args[0];
    Py_ssize_t count = PyList_Size(rows), columns = 0;
    char seen[MOST] = {0};
    Line first;
    if (!take(&first, rows, 0, -1)) {
        return NULL;
    }
    Py_ssize_t width = first.width;
    if (!look_at(rows, count, width, seen) || !add_known(args[1], width, seen, FILLED) ||
        !add_known(args[2], width, seen, GAP)) {
        return NULL;
    }
    for (Py_ssize_t column = 0; column < width; column++) {
        columns += seen[column] & FILLED;
        if (seen[column] & TAKEN) {
            seen[column] = FILLED;
        }
    }
    PyObject *values = values_of(rows, count, width, seen, columns);
    PyObject *filled = values == NULL ? NULL : places_of(seen, width, FILLED);
    PyObject *gaps = filled == NULL ? NULL : places_of(seen, width, FILLED | GAP);
    PyObject *found = gaps == NULL ? NULL : PyTuple_Pack(3, filled, gaps, values);
    Py_XDECREF(values);
    Py_XDECREF(filled);
    Py_XDECREF(gaps);
    return found;
}

static PyMethodDef methods[] = {
    {"bind", (PyCFunction)(void (*)(void))bind, METH_FASTCALL, "Return the columns and the values of an INSERT."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_bind", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__bind(void)
{
    PyObject *rows = PyImport_ImportModule("agenttrace.model._rows");
    fields_type = rows == NULL ? NULL : (PyTypeObject *)PyObject_GetAttrString(rows, "RunFields");
    Py_XDECREF(rows);
    return fields_type == NULL ? NULL : PyModule_Create(&definition);
}
