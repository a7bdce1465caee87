/* The Python module headgate.transforms._native: arguments in, kernels called, results out. No arithmetic here.
 *
 * Plain C rather than Cython because at ten elements the call is the whole cost: METH_FASTCALL, no keywords, no buffer
 * protocol (a typed memoryview signature alone costs some 300 ns). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <numpy/arrayobject.h>

#include "dispatch.h"
#include "parallel.h"

/* Below this many elements giving up the interpreter lock costs more than it returns. */
#define RELEASE_GIL_FROM 16384

/* ---- arrays ---- */

static int type_index(PyArrayObject *array) {
    const char kind = PyArray_DESCR(array)->kind;
    const npy_intp size = PyArray_ITEMSIZE(array);
    if (kind == 'i' || kind == 'u') return size == 4 ? TYPE_U32 : size == 8 ? TYPE_U64 : -1;
    if (kind == 'f') return size == 4 ? TYPE_F32 : size == 8 ? TYPE_F64 : -1;
    return -1;
}

/* C-contiguous, aligned and in this machine's byte order. */
static int is_plain(PyArrayObject *array) { return PyArray_ISCARRAY_RO(array); }

static int overlap(PyArrayObject *a, PyArrayObject *b) {
    const char *start_a = PyArray_DATA(a), *start_b = PyArray_DATA(b);
    return start_a < start_b + PyArray_NBYTES(b) && start_b < start_a + PyArray_NBYTES(a);
}

static int same_type_and_shape(PyArrayObject *a, PyArrayObject *b) {
    return PyArray_DESCR(a)->kind == PyArray_DESCR(b)->kind && PyArray_ITEMSIZE(a) == PyArray_ITEMSIZE(b) &&
           PyArray_SAMESHAPE(a, b);
}

/* ---- running a job ---- */

/* 0, or -1 with MemoryError set. */
static int run_job(sliding_job *job, int type, int anchor, int64_t rows, size_t itemsize, int threads) {
    const kernel_table *table = dispatch_kernels();
    sliding_kernel kernel = table->sliding[anchor][type];
    const size_t bytes = (size_t)(rows * job->hi) * itemsize;
    int failed;
    if (job->window > job->hi) job->window = job->hi > 0 ? job->hi : 1;
    job->streaming = bytes >= streaming_threshold();
    if (rows == 1 && job->hi < RELEASE_GIL_FROM) {
        failed = kernel(job);
    } else {
        Py_BEGIN_ALLOW_THREADS;
        failed = run_rows(kernel, job, rows, itemsize, threads);
        Py_END_ALLOW_THREADS;
    }
    if (failed) PyErr_NoMemory();
    return failed;
}

/* A window as int64, saturated: past the array's length all windows are the same. 0 when it is not a usable int. */
static int64_t window_of(PyObject *object) {
    int overflow;
    if (!PyLong_CheckExact(object)) return 0;
    const long long window = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow > 0) return INT64_MAX;
    return window < 1 ? 0 : (int64_t)window;
}

/* ---- fast(x, window, out=None) ---- */

PyDoc_STRVAR(fast_doc,
             "fast(x, window, out=None, /)\n--\n\n"
             "The default transform (coefficients (0, 1), absolute anchor, one thread) of the simple case.\n\n"
             "Returns the result, or None whenever anything is not simple: `x` must be exactly a NumPy array, 1-D,\n"
             "C-contiguous, aligned, native-endian, of a supported dtype; `window` an int >= 1; `out` None or a\n"
             "writable array like `x` that does not overlap it.");

static int is_simple(PyObject *object) {
    return PyArray_CheckExact(object) && PyArray_NDIM((PyArrayObject *)object) == 1 &&
           is_plain((PyArrayObject *)object);
}

static PyObject *simple_out(PyArrayObject *x, PyObject *given) {
    if (given != NULL && given != Py_None) {
        PyArrayObject *out = (PyArrayObject *)given;
        if (!is_simple(given) || !PyArray_ISWRITEABLE(out) || !same_type_and_shape(x, out) || overlap(x, out))
            Py_RETURN_NONE;
        return Py_NewRef(given);
    }
    return PyArray_EMPTY(1, PyArray_DIMS(x), PyArray_TYPE(x), 0);
}

static PyObject *fast(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count) {
    if (count < 2 || count > 3) {
        PyErr_Format(PyExc_TypeError, "fast() takes 2 or 3 positional arguments (%zd given)", count);
        return NULL;
    }
    const int64_t window = window_of(args[1]);
    if (window == 0 || !is_simple(args[0])) Py_RETURN_NONE;
    PyArrayObject *x = (PyArrayObject *)args[0];
    const int type = type_index(x);
    if (type < 0) Py_RETURN_NONE;
    PyObject *out = simple_out(x, count == 3 ? args[2] : NULL);
    if (out == NULL || out == Py_None) return out;
    sliding_job job = {.x = PyArray_DATA(x),
                       .out = PyArray_DATA((PyArrayObject *)out),
                       .hi = PyArray_DIM(x, 0),
                       .window = window,
                       .degree = 1,
                       .ci = {0, 1},
                       .cf = {0, 1}};
    if (run_job(&job, type, ANCHOR_ABSOLUTE, 1, (size_t)PyArray_ITEMSIZE(x), 1) < 0) Py_CLEAR(out);
    return out;
}

/* ---- transform(x, out, window, coefficients, lag, threads) ---- */

PyDoc_STRVAR(transform_doc,
             "transform(x, out, window, coefficients, lag, threads, /)\n--\n\n"
             "Write the sliding sums of each row of `x` into `out`.\n\n"
             "`x`, `out`: 2-D, C-contiguous, aligned, native-endian, same shape and dtype, not overlapping.\n"
             "`coefficients`: a tuple of 1 to 9 ints (integer dtypes) or numbers (floats), constant term first.\n"
             "`lag`: True weights by the distance k, False by the index i.");

static int parse_coefficients(PyObject *object, int type, sliding_job *job) {
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) < 1 || PyTuple_GET_SIZE(object) > MAX_DEGREE + 1) {
        PyErr_Format(PyExc_ValueError, "coefficients must be a tuple of 1 to %d numbers", MAX_DEGREE + 1);
        return -1;
    }
    job->degree = (int)PyTuple_GET_SIZE(object) - 1;
    for (int j = 0; j <= job->degree; j++) {
        PyObject *item = PyTuple_GET_ITEM(object, j);
        if (type == TYPE_U32 || type == TYPE_U64)
            job->ci[j] = PyLong_AsUnsignedLongLongMask(item);
        else
            job->cf[j] = PyFloat_AsDouble(item);
        if (PyErr_Occurred()) return -1;
    }
    while (job->degree > 0 && job->ci[job->degree] == 0 && (type == TYPE_U32 || type == TYPE_U64)) job->degree--;
    return 0;
}

static int check_pair(PyObject *x, PyObject *out) {
    if (!PyArray_Check(x) || !PyArray_Check(out)) {
        PyErr_SetString(PyExc_TypeError, "x and out must be NumPy arrays");
        return -1;
    }
    PyArrayObject *a = (PyArrayObject *)x, *b = (PyArrayObject *)out;
    if (PyArray_NDIM(a) != 2 || !is_plain(a) || !is_plain(b) || !PyArray_ISWRITEABLE(b) ||
        !same_type_and_shape(a, b) || type_index(a) < 0 || overlap(a, b)) {
        PyErr_SetString(PyExc_ValueError,
                        "x and out must be 2-D, C-contiguous, aligned and native-endian, of one supported dtype and "
                        "one shape, out writable and apart from x");
        return -1;
    }
    return 0;
}

static PyObject *transform(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count) {
    if (count != 6) {
        PyErr_Format(PyExc_TypeError, "transform() takes 6 positional arguments (%zd given)", count);
        return NULL;
    }
    if (check_pair(args[0], args[1]) < 0) return NULL;
    PyArrayObject *x = (PyArrayObject *)args[0];
    const int type = type_index(x);
    sliding_job job = {.x = PyArray_DATA(x), .out = PyArray_DATA((PyArrayObject *)args[1]), .hi = PyArray_DIM(x, 1)};
    job.window = window_of(args[2]);
    if (job.window == 0) {
        PyErr_Format(PyExc_ValueError, "window must be an int of at least 1, not %R", args[2]);
        return NULL;
    }
    if (parse_coefficients(args[3], type, &job) < 0) return NULL;
    const int lag = PyObject_IsTrue(args[4]);
    const long threads = PyLong_AsLong(args[5]);
    if (lag < 0 || (threads == -1 && PyErr_Occurred())) return NULL;
    if (threads < 1) {
        PyErr_Format(PyExc_ValueError, "threads must be at least 1, not %ld", threads);
        return NULL;
    }
    if (run_job(&job, type, lag ? ANCHOR_LAG : ANCHOR_ABSOLUTE, PyArray_DIM(x, 0), (size_t)PyArray_ITEMSIZE(x),
                threads > INT_MAX ? INT_MAX : (int)threads) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- copy(x, out, streaming) ---- */

PyDoc_STRVAR(copy_doc,
             "copy(x, out, streaming, /)\n--\n\n"
             "Copy one contiguous array's bytes with ordinary or streaming stores: the yardstick the kernels\n"
             "are measured against.");

static PyObject *copy(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count) {
    if (count != 3 || !PyArray_Check(args[0]) || !PyArray_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "copy() takes two arrays and a bool");
        return NULL;
    }
    PyArrayObject *x = (PyArrayObject *)args[0], *out = (PyArrayObject *)args[1];
    if (!is_plain(x) || !is_plain(out) || !PyArray_ISWRITEABLE(out) || PyArray_NBYTES(x) != PyArray_NBYTES(out) ||
        overlap(x, out)) {
        PyErr_SetString(PyExc_ValueError, "x and out must be contiguous, of the same size, apart, and out writable");
        return NULL;
    }
    const int streaming = PyObject_IsTrue(args[2]);
    if (streaming < 0) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    dispatch_kernels()->copy(PyArray_DATA(out), PyArray_DATA(x), (size_t)PyArray_NBYTES(x), streaming);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

/* ---- settings ---- */

PyDoc_STRVAR(isa_doc, "isa()\n--\n\nThe instruction set of the kernels in use: avx512, avx2 or baseline.");

static PyObject *isa(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyUnicode_FromString(dispatch_kernels()->name);
}

PyDoc_STRVAR(supported_isas_doc, "supported_isas()\n--\n\nThe instruction sets this CPU can run, best first.");

static PyObject *supported_isas(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    PyObject *names = PyList_New(0);
    for (int i = 0; names != NULL && dispatch_supported(i) != NULL; i++) {
        PyObject *name = PyUnicode_FromString(dispatch_supported(i)->name);
        if (name == NULL || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

PyDoc_STRVAR(set_isa_doc, "set_isa(name, /)\n--\n\n"
                          "Use the kernels of one instruction set from now on; ValueError where the CPU cannot.");

static PyObject *set_isa(PyObject *Py_UNUSED(module), PyObject *name) {
    char message[160];
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL) return NULL;
    if (dispatch_set(text, message, sizeof message) == 0) Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, message);
    return NULL;
}

PyDoc_STRVAR(get_threshold_doc,
             "streaming_threshold()\n--\n\nOutputs of at least this many bytes are written past the caches.");

static PyObject *get_threshold(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromSize_t(streaming_threshold());
}

PyDoc_STRVAR(set_threshold_doc,
             "set_streaming_threshold(bytes, /)\n--\n\n"
             "Write outputs of at least `bytes` bytes past the caches (a hardware profile knows the best value).");

static PyObject *set_threshold(PyObject *Py_UNUSED(module), PyObject *bytes) {
    const size_t value = PyLong_AsSize_t(bytes);
    if (value == (size_t)-1 && PyErr_Occurred()) return NULL;
    set_streaming_threshold(value);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"fast", (PyCFunction)(void (*)(void))fast, METH_FASTCALL, fast_doc},
    {"transform", (PyCFunction)(void (*)(void))transform, METH_FASTCALL, transform_doc},
    {"copy", (PyCFunction)(void (*)(void))copy, METH_FASTCALL, copy_doc},
    {"isa", isa, METH_NOARGS, isa_doc},
    {"supported_isas", supported_isas, METH_NOARGS, supported_isas_doc},
    {"set_isa", set_isa, METH_O, set_isa_doc},
    {"streaming_threshold", get_threshold, METH_NOARGS, get_threshold_doc},
    {"set_streaming_threshold", set_threshold, METH_O, set_threshold_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "headgate.transforms._native",
    .m_doc = "The native sliding polynomial sums: vector kernels chosen at run time.",
    .m_size = -1,
    .m_methods = methods,
};

/* A wrong HEADGATE_ISA is the user's mistake: headgate.errors.UsageError, not an ImportError that would pass for a
 * missing extension. */
static void set_usage_error(const char *message) {
    PyObject *errors = PyImport_ImportModule("headgate.errors");
    PyObject *type = errors ? PyObject_GetAttrString(errors, "UsageError") : NULL;
    if (type != NULL) PyErr_SetString(type, message);
    Py_XDECREF(type);
    Py_XDECREF(errors);
}

PyMODINIT_FUNC PyInit__native(void) {
    char message[256];
    import_array();
    if (dispatch_init(message, sizeof message) < 0) {
        set_usage_error(message);
        return NULL;
    }
    return PyModule_Create(&definition);
}
