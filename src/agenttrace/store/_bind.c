/* bind(rows, known): rows to insert as the driver of SQLite takes them; see store/sqlite_tables.py.
 *
 * The same in Python stands there, and is used where this could not be built. Stable ABI of Python 3.11.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum { MOST = 256 }; /* columns */

/* Mark the columns that have a value in any row; 0 and an exception where these are no rows of one width. */
static int mark_filled(PyObject *rows, Py_ssize_t count, Py_ssize_t width, char *filled)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *row = PyList_GetItem(rows, i);
        if (row == NULL || !PyTuple_Check(row) || PyTuple_Size(row) != width) {
            PyErr_SetString(PyExc_ValueError, "bind: rows are tuples of the same length");
            return 0;
        }
        for (Py_ssize_t column = 0; column < width; column++) {
            filled[column] |= PyTuple_GetItem(row, column) != Py_None;
        }
    }
    return 1;
}

static int mark_known(PyObject *known, Py_ssize_t width, char *filled)
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
        filled[column] = 1;
    }
    return 1;
}

/* A new reference, or NULL. */
static PyObject *bindable(PyObject *value)
{
    if (PyBytes_CheckExact(value)) {
        return PyByteArray_FromStringAndSize(PyBytes_AsString(value), PyBytes_Size(value));
    }
    if (PyBool_Check(value)) {
        return PyLong_FromLong(value == Py_True);
    }
    Py_INCREF(value);
    return value;
}

static PyObject *places_of(const char *filled, Py_ssize_t width, Py_ssize_t count)
{
    PyObject *places = PyTuple_New(count);
    for (Py_ssize_t column = 0, place = 0; column < width && places != NULL; column++) {
        if (filled[column]) {
            PyObject *number = PyLong_FromSsize_t(column);
            if (number == NULL || PyTuple_SetItem(places, place++, number) < 0) {
                Py_CLEAR(places);
            }
        }
    }
    return places;
}

static PyObject *bind(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    (void)module;
    if (given != 2 || !PyList_Check(args[0]) || !PyTuple_Check(args[1]) || PyList_Size(args[0]) == 0) {
        return PyErr_Format(PyExc_TypeError, "bind: takes a list of rows and a tuple of columns");
    }
    PyObject *rows = args[0], *first = PyList_GetItem(rows, 0);
    Py_ssize_t count = PyList_Size(rows), width = PyTuple_Check(first) ? PyTuple_Size(first) : MOST + 1, columns = 0;
    char filled[MOST] = {0};
    if (width > MOST) {
        return PyErr_Format(PyExc_ValueError, "bind: rows are tuples of at most %d values", MOST);
    }
    if (!mark_filled(rows, count, width, filled) || !mark_known(args[1], width, filled)) {
        return NULL;
    }
    for (Py_ssize_t column = 0; column < width; column++) {
        columns += filled[column];
    }
    PyObject *values = PyTuple_New(count * columns);
    Py_ssize_t place = 0;
    for (Py_ssize_t i = 0; i < count && values != NULL; i++) {
        PyObject *row = PyList_GetItem(rows, i);
        for (Py_ssize_t column = 0; column < width && values != NULL; column++) {
            PyObject *value = filled[column] ? bindable(PyTuple_GetItem(row, column)) : NULL;
            if (filled[column] && (value == NULL || PyTuple_SetItem(values, place++, value) < 0)) {
                Py_CLEAR(values);
            }
        }
    }
    PyObject *places = values == NULL ? NULL : places_of(filled, width, columns);
    PyObject *found = places == NULL ? NULL : PyTuple_Pack(2, places, values);
    Py_XDECREF(places);
    Py_XDECREF(values);
    return found;
}

static PyMethodDef methods[] = {
    {"bind", (PyCFunction)(void (*)(void))bind, METH_FASTCALL, "Return the columns and the values of an INSERT."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_bind", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__bind(void)
{
    return PyModule_Create(&definition);
}
