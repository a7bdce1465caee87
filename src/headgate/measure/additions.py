"""Does one version of a module only add to another? Then what the older has means the same in both."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["adds_only"]


def adds_only(before: str, after: str) -> bool:
    """Say whether the module ``after`` is ``before`` with definitions and imports added, and nothing else.

    Every statement of ``before`` is in ``after``, in the same order, and what ``after`` has besides are imports,
    functions, classes and plain assignments to names that ``before`` nowhere mentions. A constant, a helper or an
    import that differs may change what any function of the module does: that is no addition. False for what is no
    Python.
    """
    try:
        old, new = (list(_statements(ast.parse(text))) for text in (before, after))
    except (SyntaxError, ValueError, RecursionError):  # ValueError: a NUL
        return False
    taken = {name for statement in old for name in _mentioned(statement)}
    if "*" in taken:  # an import of who knows what: an addition may take the place of some of it
        return before == after
    ahead = iter(ast.dump(statement) for statement in old)
    due = next(ahead, None)
    for statement in new:
        if ast.dump(statement) == due:
            due = next(ahead, None)
            continue
        names = _names(statement)
        if names is None or names & taken:
            return False
    return due is None


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Yield the module's statements without its docstring, each imported name as an import of its own."""
    for statement in module.body:
        if isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from (ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def _mentioned(statement: ast.stmt) -> Iterator[str]:
    """Yield every name that the statement binds or uses, at whatever depth, built-in ones among them."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _names(statement: ast.stmt) -> set[str] | None:
    """Return the names that a definition, an import or a plain assignment binds; None for any other statement."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        bound = {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
        return None if "*" in bound else bound
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    if targets and all(isinstance(target, ast.Name) for target in targets):
        return {target.id for target in targets if isinstance(target, ast.Name)}
    return None
