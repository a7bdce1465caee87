"""Statistics: pure functions, no I/O, no clock.

``paired`` turns a round into one number, ``signed_rank`` and ``boundaries`` are the two halves of the sequential test,
``sequential`` joins them into intervals valid at every look, ``family`` controls the error over many comparisons.
"""
