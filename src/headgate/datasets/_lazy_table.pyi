# Types of ext/_lazy_table.pyx: it is headgate.datasets.lazy_table, compiled.
from headgate.datasets.lazy_table import Node as Node
from headgate.datasets.lazy_table import Table as Table
