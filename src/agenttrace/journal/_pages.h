/* populate(buffer, start, length, advice): madvise on part of a mapped file, without the GIL.
 *
 * Python's own mmap.madvise keeps the GIL, and to make a segment's pages present takes milliseconds. Done in steps, since
 * the kernel lets nobody map or unmap memory in this process during each.
 *
 * The buffer is not held meanwhile: who appends may close it at any moment, and a fork would hold it for ever. So the
 * advice may come too late, and concern what is mapped in its place: only such may be given as changes no byte.
 */
#include <errno.h>
#include <sys/mman.h>

enum { POPULATE_STEP = 256 << 10 };

static PyObject *populate(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 4) {
        return PyErr_Format(PyExc_TypeError, "populate: buffer, start, length and advice are needed");
    }
    Py_ssize_t start = PyLong_AsSsize_t(args[1]);
    Py_ssize_t length = PyErr_Occurred() ? 0 : PyLong_AsSsize_t(args[2]);
    long advice = PyErr_Occurred() ? 0 : PyLong_AsLong(args[3]);
    Py_buffer view;
    if (PyErr_Occurred() || PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE)) {
        return NULL;
    }
    if (start < 0 || length < 0 || start > view.len || length > view.len - start) {
        PyBuffer_Release(&view);
        return PyErr_Format(PyExc_ValueError, "populate: %zd bytes from %zd on are not in the buffer", length, start);
    }
    char *at = (char *)view.buf + start, *end = at + length;
    PyBuffer_Release(&view);
    int problem = 0;
    Py_BEGIN_ALLOW_THREADS
    for (; at < end && !problem; at += POPULATE_STEP) {
        size_t step = end - at < POPULATE_STEP ? (size_t)(end - at) : (size_t)POPULATE_STEP;
        problem = madvise(at, step, (int)advice) ? errno : 0;
    }
    Py_END_ALLOW_THREADS
    if (problem) {
        errno = problem;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_NewRef(Py_None);
}
