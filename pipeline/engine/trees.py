"""What counts in keys of a module's source: its syntax tree without docstrings and comments."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from features.tables import PACKAGES

_WITHOUT_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of nodes that change nothing that is computed."""

_COMPUTED = frozenset({"exec", "eval", "globals", "__import__", "compile"})
_COMPUTED_IMPORTS = frozenset(
    {"import_module", "run_module", "run_path", "spec_from_file_location"}
)
"""Functions by which code reaches names and modules that its source need not name."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Attributes:
        module: as it is written after `import` or `from`, without the dots before it.
        name: what is taken from it; empty for `import module`.
        level: the number of dots.
    """

    module: str
    name: str = ""
    level: int = 0


@dataclass(frozen=True)
class Tree:
    """What keys know of a module.

    Attributes:
        digest: SHA-256 of its text.
        is_empty: it does nothing, as most files that make a folder a package.
        imports: all that may run, those within functions and conditions included.
        strings: its string constants.
        dynamic: calls whose effect on imports and names cannot be read from the source.
    """

    digest: str
    is_empty: bool
    imports: frozenset[Import]
    strings: frozenset[str]
    dynamic: frozenset[str]

    def as_json(self) -> list[Any]:
        """For a file."""
        imports = sorted([i.module, i.name, i.level] for i in self.imports)
        return [self.digest, self.is_empty, imports, sorted(self.strings), sorted(self.dynamic)]

    @classmethod
    def of_json(cls, content: list[Any]) -> "Tree":
        """From a file."""
        digest, is_empty, imports, strings, dynamic = content
        found = frozenset(Import(*one) for one in imports)
        return cls(digest, is_empty, found, frozenset(strings), frozenset(dynamic))


_CODE = re.compile(rf"((?:{'|'.join(PACKAGES)})(?:\.\w+)+):\w+")
"""Code that is named in place of an import, and loaded when it is called: as good as imported."""


def read_tree(source: str | bytes) -> Tree:
    """Read a module's source.

    What makes a table (`X = Table(...)` at the top) does not count, nor do the imports of a module
    with one: a job names the rows that it uses.

    Raises:
        SyntaxError: it is not Python.
    """
    module = ast.parse(source)
    counted = [node for node in module.body if not _makes_table(node)]
    of_rows = {id(node) for table in module.body if _makes_table(table) for node in ast.walk(table)}
    if len(counted) < len(module.body):
        counted = [node for node in counted if not isinstance(node, ast.Import | ast.ImportFrom)]
    text = text_of(ast.Module(body=counted, type_ignores=[]))
    imports: set[Import] = set()
    strings: set[str] = set()
    dynamic: set[str] = set()
    for node in _runs(module):
        if isinstance(node, ast.Constant):
            strings |= {node.value} if isinstance(node.value, str) else set()
            named = _CODE.fullmatch(node.value) if isinstance(node.value, str) else None
            if named is not None and id(node) not in of_rows:
                imports.add(Import(named[1]))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imports(node))
        elif isinstance(node, ast.Call):
            imports.update(_imports(node))
            dynamic.update(_dynamic(node))
    digest = sha256(text.encode()).hexdigest()
    is_empty = all(_is_docstring(node) for node in module.body)
    return Tree(digest, is_empty, frozenset(imports), frozenset(strings), frozenset(dynamic))


def text_of(tree: ast.AST) -> str:
    r"""A text of a syntax tree that is the same in all versions of Python.

    Left out are docstrings (all strings that stand alone) and what is empty: a field that a later
    version adds is empty in the code of an earlier one.

    >>> text_of(ast.parse("x = 1  # a comment")) == text_of(ast.parse("'''A module.'''\nx=1"))
    True
    >>> text_of(ast.parse("x = 1")) == text_of(ast.parse("x = True"))
    False
    """
    parts: list[str] = []
    _write(tree, parts.append)
    return "".join(parts)


def _write(value: object, add: Callable[[str], None]) -> None:
    """Add the text of a node, a list of nodes or a constant, part by part."""
    if isinstance(value, ast.AST):
        add(f"{type(value).__name__}(")
        for name in value._fields:
            field = getattr(value, name, None)
            if field is None or field == [] or name in _WITHOUT_MEANING:
                continue
            add(f"{name}=")
            _write(field, add)
            add(",")
        add(")")
    elif isinstance(value, list):
        add("[")
        for item in value:
            if not _is_docstring(item):
                _write(item, add)
                add(",")
        add("]")
    else:
        add(f"{type(value).__name__}:{value!a}")


def _is_docstring(node: object) -> bool:
    """Whether a statement is a string that stands alone."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _makes_table(statement: ast.stmt) -> bool:
    """Whether a statement is `X = Table(...)`, with or without type arguments."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    if not isinstance(statement.value, ast.Call):
        return False
    maker = statement.value.func
    if isinstance(maker, ast.Subscript):
        maker = maker.value
    return _last_name(maker) == "Table"


def _runs(tree: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, except for what only type checkers run."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _imports(node: ast.AST) -> Iterator[Import]:
    """What a statement or a call imports."""
    match node:
        case ast.Import():
            yield from (Import(alias.name) for alias in node.names)
        case ast.ImportFrom():
            yield from (Import(node.module or "", alias.name, node.level) for alias in node.names)
        case ast.Call(args=[ast.Constant(value=str(module))]):
            if _last_name(node.func) == "import_module":
                yield Import(module)


def _dynamic(call: ast.Call) -> Iterator[str]:
    """The function that a call names, if it reaches what the source does not name."""
    name = _last_name(call.func)
    is_builtin = name in _COMPUTED and isinstance(call.func, ast.Name)
    if is_builtin or (name in _COMPUTED_IMPORTS and not list(_imports(call))):
        yield name


def _last_name(node: ast.AST) -> str:
    """`c` of the expressions `c` and `a.b.c`; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
