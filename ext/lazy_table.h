/* What a hit of a lazy map needs of the interpreter, with and without the global lock.
 *
 * A hit takes no lock. Where there is no global lock either, the look-up returns a reference of its own (the dictionary
 * guards itself), and the three things that change after a node is published are read and written whole: relaxed
 * atomics, because nothing else is ordered by them. Under the global lock plain accesses are the same. */
#ifndef HEADGATE_LAZY_TABLE_H
#define HEADGATE_LAZY_TABLE_H

#include <Python.h>

/* 1: *found is a new reference; 0: no such key; -1: an error of the key's hash or comparison. */
static inline int lazy_look_up(PyObject *nodes, PyObject *key, PyObject **found) {
#if PY_VERSION_HEX >= 0x030D0000
    return PyDict_GetItemRef(nodes, key, found);
#else
    *found = PyDict_GetItemWithError(nodes, key);
    if (*found == NULL) return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(*found);
    return 1;
#endif
}

#ifdef Py_GIL_DISABLED
static inline void lazy_count(long long *hits) { __atomic_fetch_add(hits, 1, __ATOMIC_RELAXED); }
static inline long long lazy_counted(long long *hits) { return __atomic_load_n(hits, __ATOMIC_RELAXED); }
static inline int lazy_marked(int *bit) { return __atomic_load_n(bit, __ATOMIC_RELAXED); }
static inline void lazy_set_mark(int *bit, int on) { __atomic_store_n(bit, on, __ATOMIC_RELAXED); }
static inline double lazy_time(double *when) {
    double value;
    __atomic_load(when, &value, __ATOMIC_RELAXED);
    return value;
}
static inline void lazy_set_time(double *when, double value) { __atomic_store(when, &value, __ATOMIC_RELAXED); }
#else
static inline void lazy_count(long long *hits) { *hits += 1; }
static inline long long lazy_counted(long long *hits) { return *hits; }
static inline int lazy_marked(int *bit) { return *bit; }
static inline void lazy_set_mark(int *bit, int on) { *bit = on; }
static inline double lazy_time(double *when) { return *when; }
static inline void lazy_set_time(double *when, double value) { *when = value; }
#endif

#endif
