"""One benchmark for each kind of work."""

from worklib import work


def time_integers():
    work.integers()


def time_floats():
    work.floats()


def time_attributes():
    work.attributes()


def time_slots():
    work.slots()


def time_dict_reads():
    work.dict_reads()


def time_dict_writes():
    work.dict_writes()


def time_list_appends():
    work.list_appends()


def time_calls():
    work.calls()


def time_methods():
    work.methods()


def time_generators():
    work.generators()


def time_comprehensions():
    work.comprehensions()


def time_string_joins():
    work.string_joins()


def time_string_formats():
    work.string_formats()


def time_string_splits():
    work.string_splits()


def time_sorts():
    work.sorts()


def time_json_dumps():
    work.json_dumps()


def time_json_loads():
    work.json_loads()


def time_regexes():
    work.regexes()


def time_objects():
    work.objects()


def time_allocations():
    work.allocations()


def time_exceptions():
    work.exceptions()


def time_sets():
    work.sets()
