"""The imports inside the project: the longest chain of them, and the circles. Reads files, imports nothing.

Imports anywhere in a file count, inside functions too, but not those under `if TYPE_CHECKING`. `from package import
module` imports the module; `from package import name` imports the package's own `__init__.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("engines", "realtime", "train")
SINGLE_FILES = ("cli", "unveil")
Graph = dict[str, set[str]]


def import_graph(root: Path, *, top_level_only: bool = False) -> Graph:
    """Each module of the project -> the modules of the project that it imports.

    Args:
        top_level_only: leave out imports inside functions, which run later.
    """
    files = [root / f"{name}.py" for name in SINGLE_FILES if (root / f"{name}.py").is_file()]
    files += [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
    modules = {_module_name(file.relative_to(root)): file for file in files}
    return {
        name: {found for found in _imported(file, modules, top_level_only) if found != name}
        for name, file in modules.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Groups of two or more modules that import each other, by whatever way (strongly connected components)."""
    reachable = {name: _reachable(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reachable[name] if name in reachable[other]) | {name}
        for name in graph
        if name in reachable[name]
    }
    return sorted(sorted(group) for group in groups)


def longest_chain(graph: Graph) -> list[str]:
    """The longest chain of imports, from the first importer to the last imported. A circle counts as one module."""
    group_of = {name: tuple(group) for group in circles(graph) for name in group}
    best: dict[str, list[str]] = {}

    def chain(name: str) -> list[str]:
        if name not in best:
            members = group_of.get(name, (name,))
            after = {next_ for member in members for next_ in graph[member]} - set(members)
            below = max((chain(next_) for next_ in sorted(after)), key=len, default=[])
            best[name] = [name, *below]
        return best[name]

    return max((chain(name) for name in sorted(graph)), key=len, default=[])


def _module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imported(file: Path, modules: dict[str, Path], top_level_only: bool) -> Iterator[str]:
    for node in _nodes(ast.parse(file.read_text(encoding="utf-8")), top_level_only):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in modules:
                    yield full
                elif node.module in modules:
                    yield node.module


def _nodes(tree: ast.AST, top_level_only: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if top_level_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from _nodes(child, top_level_only)


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph[name]
    return seen
