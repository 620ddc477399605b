"""What a script is made of."""

import ast
from functools import cache
from pathlib import Path

_LIBRARY = Path(__file__).parent


@cache
def imported(file: Path) -> frozenset[str]:
    """Names of this library's modules that a Python file imports, itself or through others of them.

    Imports inside functions count too.
    """
    named = {
        name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in _modules(node.module or "", [alias.name for alias in node.names])
    }
    return frozenset(named.union(*(imported(_LIBRARY / f"{name}.py") for name in named)))


def _modules(source: str, names: list[str]) -> list[str]:
    """Modules that `from source import names` loads, if they are this library's."""
    package, _, module = source.partition(".")
    if package != _LIBRARY.name:
        return []
    return [module] if module else names
