"""Literals: one spelling for each value, and the arithmetic on them that Python itself would fold."""

import ast
import operator
from collections.abc import Callable

Number = int | float
Literal = str | bytes | Number

_LIMIT = 4096
"""No folded text is longer than this, no folded integer has more bits."""

_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def spell(value: object) -> str:
    """The one spelling of a constant, with its type: ``1``, ``1.0`` and ``True`` differ."""
    if isinstance(value, str):
        return f"str:{value}"
    if isinstance(value, bytes):
        return f"bytes:{value.hex()}"
    if isinstance(value, bool) or value is None or value is ...:
        return repr(value)
    if isinstance(value, int):
        return f"int:{value:x}"  # decimal spelling of huge integers is refused by Python
    if isinstance(value, float):
        return f"float:{value.hex()}"
    if isinstance(value, complex):
        return f"complex:{value.real.hex()}:{value.imag.hex()}"
    return f"{type(value).__name__}:{value!r}"


def fold(node: ast.expr) -> Literal | None:
    """The value of an expression made of literals, ``None`` where it is no such thing or too large."""
    if isinstance(node, ast.Constant):
        value = node.value
        is_literal = isinstance(value, str | bytes | int | float) and not isinstance(value, bool)
        return value if is_literal else None  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = fold(node.operand)
        if not isinstance(operand, int | float):
            return None
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        left = fold(node.left)
        right = fold(node.right) if left is not None else None
        if left is not None and right is not None:
            return _combine(node.op, left, right)
    return None


def _combine(op: ast.operator, left: Literal, right: Literal) -> Literal | None:
    if isinstance(left, str) and isinstance(right, str):
        return left + right if isinstance(op, ast.Add) else None
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left + right if isinstance(op, ast.Add) else None
    if isinstance(left, str | bytes) or isinstance(right, str | bytes):
        return None
    if isinstance(op, ast.Pow):
        return _power(left, right)
    action = _OPERATORS.get(type(op))
    if action is None:
        return None
    try:
        return _bounded(action(left, right))
    except (ArithmeticError, ValueError):
        return None


def _power(left: Number, right: Number) -> Number | None:
    if isinstance(left, int) and isinstance(right, int) and 0 <= right <= 512 and left.bit_length() <= 64:
        result: Number = left**right
        return _bounded(result)
    return None


def _bounded(value: Number) -> Number | None:
    return None if isinstance(value, int) and value.bit_length() > _LIMIT else value
