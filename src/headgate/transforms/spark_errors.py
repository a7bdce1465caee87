"""What a Python worker raised, as the driver should see it: headgate's own error and not a page of stack traces."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headgate import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["input_errors"]

_RAISED = re.compile(r"^\s*headgate\.errors\.(\w+): (.*)$", re.MULTILINE)


@contextmanager
def input_errors() -> Iterator[None]:
    """Turn an error of headgate's that a Spark worker raised into that error, here; others pass as they are.

    A DataFrame is computed when it is used, so its errors come then, as Spark's ``PythonException``::

        with input_errors():
            rows = sliding_polynomial(df, "price", "n", 10).collect()
    """
    try:
        yield
    except errors.HeadgateError:
        raise
    except Exception as error:
        found = _RAISED.search(str(error)) if type(error).__module__.startswith(("pyspark.", "py4j.")) else None
        kind = getattr(errors, found[1], None) if found else None
        if found is None or not (isinstance(kind, type) and issubclass(kind, errors.HeadgateError)):
            raise
        raise kind(found[2].strip()) from None
