"""SOQL text to AST. The grammar is in grammar.lark; names are looked up by the compiler."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken, VisitError

from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.dates import is_date_literal
from kartra_sf_pipeline.localorg.soql.errors import SoqlError, at, malformed

MAX_QUERY_CHARACTERS = 100_000
MAX_COUNT_DIGITS = 9


def parse(soql: str) -> ast.Query:
    """The query as an AST.

    Raises:
        SoqlError: MALFORMED_QUERY with the position of the token that does not fit.

    """
    if len(soql) > MAX_QUERY_CHARACTERS:
        raise malformed(f"SOQL statements cannot be longer than {MAX_QUERY_CHARACTERS} characters.")
    if not soql.strip():
        raise malformed("unexpected token: '<EOF>'")
    try:
        tree = _lark().parse(soql)
    except UnexpectedEOF as error:
        raise _unexpected(soql, len(soql.rstrip()), "<EOF>") from error
    except UnexpectedToken as error:
        token = error.token
        if token.type == "$END":
            raise _unexpected(soql, len(soql.rstrip()), "<EOF>") from error
        if token == ":":
            raise malformed("Bind variables only allowed in Apex code") from error
        raise _unexpected(soql, token.start_pos or 0, str(token)) from error
    except UnexpectedCharacters as error:
        raise _bad_character(soql, error.pos_in_stream) from error
    try:
        return cast(ast.Query, _ToAst(soql).transform(tree))
    except RecursionError as error:
        raise malformed("The query is nested too deeply") from error
    except VisitError as error:
        if isinstance(error.orig_exc, SoqlError):
            raise error.orig_exc from error
        if isinstance(error.orig_exc, RecursionError):
            raise malformed("The query is nested too deeply") from error
        raise


@cache
def _lark() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=False,
    )


def _unexpected(soql: str, pos: int, token: str) -> SoqlError:
    # A first word that cannot start a query is told without a place.
    if not soql[:pos].strip():
        return malformed(f"unexpected token: '{token}'")
    return at("MALFORMED_QUERY", soql, pos, f"unexpected token: '{token}'")


def _bad_character(soql: str, pos: int) -> SoqlError:
    character = soql[pos]
    if character == "'":
        return at("MALFORMED_QUERY", soql, pos, "line contains an unterminated string literal")
    word = soql[pos:].split(maxsplit=1)[0]
    name = ""
    for letter in word:
        if not (letter.isalnum() or letter == "_"):
            break
        name += letter
    return _unexpected(soql, pos, name or character)


def _is_bare_count(item: ast.SelectItem) -> bool:
    match item:
        case ast.Selected(expr=ast.Call(name=name, args=())):
            return name.upper() == "COUNT"
        case _:
            return False


class _Parts(list[Any]):
    """A clause that has several things in it."""


@v_args(meta=True)
class _ToAst(Transformer[Token, Any]):
    def __init__(self, soql: str) -> None:
        super().__init__()
        self._soql = soql

    def start(self, meta: Any, items: list[Any]) -> ast.Query:
        return items[0]

    def path(self, meta: Any, items: list[Token]) -> ast.FieldPath:
        return ast.FieldPath(tuple(str(item) for item in items), meta.start_pos)

    def call(self, meta: Any, items: list[Any]) -> ast.Call:
        return ast.Call(str(items[0]), tuple(items[1:]), meta.start_pos)

    def alias(self, meta: Any, items: list[Token]) -> str:
        return str(items[0])

    def selected(self, meta: Any, items: list[Any]) -> ast.SelectItem:
        expr, alias = items[0], items[1] if len(items) > 1 else None
        if isinstance(expr, ast.Call) and expr.name.upper() == "FIELDS":
            return self._fields(expr)
        return ast.Selected(expr, alias, meta.start_pos)

    def _fields(self, call: ast.Call) -> ast.SelectedGroup:
        kinds = [arg.text.upper() for arg in call.args if isinstance(arg, ast.FieldPath)]
        if len(kinds) != 1 or kinds[0] not in {"ALL", "STANDARD", "CUSTOM"}:
            raise at(
                "MALFORMED_QUERY",
                self._soql,
                call.pos,
                "The SOQL FIELDS function must be given one of ALL, STANDARD or CUSTOM.",
            )
        return ast.SelectedGroup(kinds[0], call.pos)

    def children(self, meta: Any, items: list[ast.Query]) -> ast.SelectedChildren:
        return ast.SelectedChildren(items[0], meta.start_pos)

    def path_list(self, meta: Any, items: list[ast.FieldPath]) -> tuple[ast.FieldPath, ...]:
        return tuple(items)

    def when(self, meta: Any, items: list[Any]) -> tuple[str, tuple[ast.FieldPath, ...]]:
        return str(items[1]), items[3]

    def typeof_else(self, meta: Any, items: list[Any]) -> _Parts:
        return _Parts(items[1])

    def typeof(self, meta: Any, items: list[Any]) -> ast.TypeOf:
        otherwise = next((tuple(item) for item in items if isinstance(item, _Parts)), ())
        whens = tuple(item for item in items if isinstance(item, tuple))
        return ast.TypeOf(str(items[1]), whens, otherwise, meta.start_pos)

    def source(self, meta: Any, items: list[Any]) -> ast.From:
        path: ast.FieldPath = items[0]
        names = [str(item) for item in items[1:] if item.type == "NAME"]
        return ast.From(path.parts, names[0] if names else None, path.pos)

    def string(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("string", str(items[0])[1:-1], meta.start_pos)

    def number(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("number", str(items[0]), meta.start_pos)

    def date(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("date", str(items[0]), meta.start_pos)

    def datetime(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("datetime", str(items[0]), meta.start_pos)

    def boolean(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("boolean", str(items[0]).lower(), meta.start_pos)

    def null(self, meta: Any, items: list[Token]) -> ast.Literal:
        return ast.Literal("null", "null", meta.start_pos)

    def range(self, meta: Any, items: list[Token]) -> ast.Literal:
        text = ":".join(str(item) for item in items).upper()
        if not is_date_literal(text):
            raise _unexpected(self._soql, meta.start_pos, str(items[0]))
        return ast.Literal("range", text, meta.start_pos)

    def comparison(self, meta: Any, items: list[Any]) -> ast.Comparison:
        op = str(items[1]).lower()
        return ast.Comparison(items[0], "!=" if op == "<>" else op, items[2])

    def membership(self, meta: Any, items: list[Any]) -> ast.InList | ast.InQuery:
        negated = items[1].type == "NOT_IN"
        if isinstance(items[2], ast.Query):
            return ast.InQuery(items[0], negated, items[2])
        return ast.InList(items[0], negated, tuple(items[2:]))

    def inclusion(self, meta: Any, items: list[Any]) -> ast.Includes:
        return ast.Includes(items[0], items[1].type == "EXCLUDES", tuple(items[2:]))

    def negation(self, meta: Any, items: list[Any]) -> ast.Not:
        return ast.Not(items[-1])

    def all_of(self, meta: Any, items: list[Any]) -> ast.Junction:
        return ast.Junction("and", tuple(i for i in items if not isinstance(i, Token)))

    def any_of(self, meta: Any, items: list[Any]) -> ast.Junction:
        return ast.Junction("or", tuple(i for i in items if not isinstance(i, Token)))

    def ordering(self, meta: Any, items: list[Any]) -> ast.Ordering:
        kinds = {item.type for item in items[1:]}
        return ast.Ordering(items[0], "DESC" in kinds, "LAST" in kinds)

    def limit(self, meta: Any, items: list[Token]) -> tuple[str, int]:
        return "limit", self._count(items[1])

    def offset(self, meta: Any, items: list[Token]) -> tuple[str, int]:
        return "offset", self._count(items[1])

    def _count(self, token: Token) -> int:
        if not (token.isascii() and token.isdigit()) or len(token) > MAX_COUNT_DIGITS:
            raise _unexpected(self._soql, token.start_pos or 0, str(token))
        return int(token)

    def where(self, meta: Any, items: list[Any]) -> tuple[str, ast.Condition]:
        return "where", items[1]

    def having(self, meta: Any, items: list[Any]) -> tuple[str, ast.Condition]:
        return "having", items[1]

    def group_by(self, meta: Any, items: list[Any]) -> tuple[str, tuple[ast.Expr, ...]]:
        return "group_by", tuple(items[1:])

    def order_by(self, meta: Any, items: list[Any]) -> tuple[str, tuple[ast.Ordering, ...]]:
        return "order_by", tuple(items[1:])

    def sources(self, meta: Any, items: list[Any]) -> tuple[str, tuple[ast.From, ...]]:
        return "sources", tuple(items)

    def select_list(self, meta: Any, items: list[Any]) -> tuple[str, tuple[ast.SelectItem, ...]]:
        return "select", tuple(items)

    def scope(self, meta: Any, items: list[Any]) -> tuple[str, str]:
        return "scope", str(items[-1])

    def with_clause(self, meta: Any, items: list[Any]) -> tuple[str, str]:
        return "with", str(items[-1])

    def for_clause(self, meta: Any, items: list[Any]) -> tuple[str, str]:
        return "for", str(items[-1])

    def query(self, meta: Any, items: list[Any]) -> ast.Query:
        clauses = dict(item for item in items if isinstance(item, tuple))
        select: tuple[ast.SelectItem, ...] = clauses["select"]
        counts_only = len(select) == 1 and _is_bare_count(select[0])
        return ast.Query(
            select=select,
            counts_only=counts_only,
            sources=clauses["sources"],
            where=clauses.get("where"),
            group_by=clauses.get("group_by", ()),
            having=clauses.get("having"),
            order_by=clauses.get("order_by", ()),
            limit=clauses.get("limit"),
            offset=clauses.get("offset"),
            pos=meta.start_pos,
        )
