# cython: freethreading_compatible=True, auto_pickle=False
"""`headgate.datasets.lazy_table`, compiled: the entries of a lazy map, SIEVE, and a hit that takes no lock.

The dictionary owns the nodes; the links between them are borrowed, so that dropping a long queue frees no chain of nodes
by recursion. Links, hand and weight are touched under the map's lock alone; `lazy_table.h` says what a hit touches.
"""

from types import GenericAlias

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF

from headgate.datasets.lazy_table import MISSING as _MISSING

cdef extern from "lazy_table.h":
    int lazy_look_up(PyObject *nodes, PyObject *key, PyObject **found) except -1
    void lazy_count(long long *hits) noexcept
    long long lazy_counted(long long *hits) noexcept
    int lazy_marked(int *bit) noexcept
    void lazy_set_mark(int *bit, int on) noexcept
    double lazy_time(double *when) noexcept
    void lazy_set_time(double *when, double value) noexcept

cdef object MISSING = _MISSING


cdef class Node:
    cdef readonly object key
    cdef readonly object value
    cdef readonly object version
    cdef readonly long long weight
    cdef readonly double expires
    cdef public long attempts
    cdef double _due
    cdef int _visited
    cdef PyObject *newer
    cdef PyObject *older

    def __init__(self, key, value, version, long long weight, double expires, double due):
        self.key = key
        self.value = value
        self.version = version
        self.weight = weight
        self.expires = expires
        self._due = due

    @property
    def due(self):
        return lazy_time(&self._due)

    @due.setter
    def due(self, double when):
        lazy_set_time(&self._due, when)

    @property
    def visited(self):
        return bool(lazy_marked(&self._visited))


cdef class Table:
    cdef readonly dict _nodes
    cdef readonly object _to_key
    cdef readonly object _clock
    cdef readonly bint _timed
    cdef readonly object _max_weight
    cdef readonly long long _weight
    cdef long long hits
    cdef long long limit
    cdef bint limited
    cdef PyObject *newest
    cdef PyObject *last
    cdef PyObject *hand

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, *_arguments, **_settings):
        self._nodes = {}

    def __init__(self, to_key, clock, bint timed, max_weight):
        self._to_key = to_key
        self._clock = clock
        self._timed = timed
        self._max_weight = max_weight
        self.limited = max_weight is not None
        self.limit = max_weight if self.limited else 0

    @property
    def _hits(self):
        return lazy_counted(&self.hits)

    def __getitem__(self, item):
        key = item if self._to_key is None else self._to_key(item)
        value = self.look_up(key)
        return self._miss(key) if value is MISSING else value

    def get(self, item, default=None):
        """Return the value for ``item``, loading it if need be; ``default`` if there is none."""
        key = item if self._to_key is None else self._to_key(item)
        value = self.look_up(key)
        return self._miss_or(key, default) if value is MISSING else value

    def _find(self, key):
        """Return the resident value and count the hit, or `MISSING`."""
        return self.look_up(key)

    cdef inline object look_up(self, object key):
        cdef PyObject *found = NULL
        cdef double now
        if lazy_look_up(<PyObject *>self._nodes, <PyObject *>key, &found) == 0:
            return MISSING
        node = <Node>found
        Py_XDECREF(found)  # `node` has a reference of its own now
        value = node.value
        if self._timed:
            now = self._clock()
            if now >= lazy_time(&node._due):
                value = self._overdue(node, now)
                if value is MISSING:
                    return MISSING
        if not lazy_marked(&node._visited):
            lazy_set_mark(&node._visited, 1)
        lazy_count(&self.hits)
        return value

    def _add(self, Node node not None):
        """Put a node no heavier than the limit in, in place of its key's older one; return what was evicted for it.

        Room is made first: the weight never exceeds the limit, not for a moment.
        """
        cdef Node before = self._discard(node.key)
        cdef list evicted = []
        if before is not None:
            lazy_set_mark(&node._visited, lazy_marked(&before._visited))
        if self.limited:
            while self._weight + node.weight > self.limit:
                evicted.append(self.evict())
        self._nodes[node.key] = node
        node.older = self.newest
        if self.newest == NULL:
            self.last = <PyObject *>node
        else:
            (<Node>self.newest).newer = <PyObject *>node
        self.newest = <PyObject *>node
        self._weight += node.weight
        return evicted

    def _discard(self, key):
        """Take the key's node out and return it, if there is one."""
        cdef Node node = self._nodes.pop(key, None)
        if node is not None:
            self.unlink(node)
        return node

    def _oldest(self):
        """Return the node that arrived first."""
        return None if self.last == NULL else <Node>self.last

    cdef Node evict(self):
        cdef PyObject *at = self.hand if self.hand != NULL else self.last
        cdef Py_ssize_t steps = len(self._nodes)
        cdef Node node
        if at == NULL:
            raise KeyError("nothing to evict")
        # Hits may set bits as fast as the hand clears them: once around is enough, then one must go.
        while steps > 0 and lazy_marked(&(<Node>at)._visited):
            lazy_set_mark(&(<Node>at)._visited, 0)
            at = (<Node>at).newer if (<Node>at).newer != NULL else self.last
            steps -= 1
        node = <Node>at
        self.hand = at
        del self._nodes[node.key]
        self.unlink(node)
        return node

    cdef void unlink(self, Node node) noexcept:
        if self.hand == <PyObject *>node:
            self.hand = node.newer
        if node.newer == NULL:
            self.newest = node.older
        else:
            (<Node>node.newer).older = node.older
        if node.older == NULL:
            self.last = node.newer
        else:
            (<Node>node.older).newer = node.newer
        node.newer = node.older = NULL
        self._weight -= node.weight
