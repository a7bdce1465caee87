from typing import Any, TypeAlias

import numpy as np

_Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

def apply(form: int, x: _Array, out: _Array, window: int, coefficients: tuple[int | float, ...], lag: bool) -> None: ...
