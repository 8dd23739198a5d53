"""Exports written by hand: a little language of names, levels and expressions, printed as lean4export's NDJSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

META = {
    "meta": {
        "exporter": {"name": "by hand", "version": "1"},
        "lean": {"githash": "", "version": "4.28.0"},
        "format": {"version": "3.1.0"},
    }
}

Level = int | str | tuple[str, Any, Any]
"""A number, the name of a parameter, or `("max", a, b)`."""
Expression = tuple[Any, ...]
"""`("const", name, levels…)`, `("app", f, a)`, `("lam", name, type, body)`, …: see `Export.expression`."""


def const(name: str, *levels: Level) -> Expression:
    return ("const", name, *levels)


def app(function: Expression, *arguments: Expression) -> Expression:
    for argument in arguments:
        function = ("app", function, argument)
    return function


def arrow(source: Expression, target: Expression, name: str = "a") -> Expression:
    return ("forallE", name, source, target)


def lam(name: str, source: Expression, body: Expression) -> Expression:
    return ("lam", name, source, body)


def bvar(index: int) -> Expression:
    return ("bvar", index)


def sort(level: Level) -> Expression:
    return ("sort", level)


PROP = sort(0)
TYPE = sort(1)


@dataclass
class Export:
    """Lines of an export; what was printed before is not printed again."""

    lines: list[str] = field(default_factory=lambda: [json.dumps(META)])
    _names: dict[str, int] = field(default_factory=lambda: {"": 0})
    _levels: dict[Level, int] = field(default_factory=lambda: {0: 0})
    _expressions: dict[Expression, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def line(self, value: Mapping[str, Any]) -> None:
        self.lines.append(json.dumps(value))

    def name(self, name: str) -> int:
        if name not in self._names:
            prefix, _, last = name.rpartition(".")
            before = self.name(prefix)
            self._names[name] = len(self._names)
            self.line({"in": self._names[name], "str": {"pre": before, "str": last}})
        return self._names[name]

    def names(self, names: Sequence[str]) -> list[int]:
        return [self.name(name) for name in names]

    def level(self, level: Level) -> int:
        if level not in self._levels:
            line: dict[str, Any]
            if isinstance(level, int):
                line = {"succ": self.level(level - 1)}
            elif isinstance(level, str):
                line = {"param": self.name(level)}
            else:
                line = {level[0]: [self.level(level[1]), self.level(level[2])]}
            self._levels[level] = len(self._levels)
            self.line({"il": self._levels[level], **line})
        return self._levels[level]

    def expression(self, e: Expression) -> int:
        if e not in self._expressions:
            line: dict[str, Any]
            match e:
                case ("bvar", index):
                    line = {"bvar": index}
                case ("sort", level):
                    line = {"sort": self.level(level)}
                case ("const", name, *levels):
                    line = {"const": {"name": self.name(name), "us": [self.level(level) for level in levels]}}
                case ("app", f, a):
                    line = {"app": {"fn": self.expression(f), "arg": self.expression(a)}}
                case ("lam" | "forallE" as kind, name, source, body):
                    line = {
                        kind: {
                            "name": self.name(name),
                            "type": self.expression(source),
                            "body": self.expression(body),
                            "binderInfo": "default",
                        }
                    }
                case ("proj", structure, index, of):
                    line = {"proj": {"typeName": self.name(structure), "idx": index, "struct": self.expression(of)}}
                case ("natVal" | "strVal" as kind, value):
                    line = {kind: value}
                case _:
                    raise AssertionError(e)
            self._expressions[e] = len(self._expressions)
            self.line({"ie": self._expressions[e], **line})
        return self._expressions[e]

    def head(self, name: str, kind: Expression, parameters: Sequence[str] = ()) -> dict[str, Any]:
        return {"name": self.name(name), "levelParams": self.names(parameters), "type": self.expression(kind)}

    def axiom(self, name: str, kind: Expression, parameters: Sequence[str] = ()) -> None:
        self.line({"axiom": {**self.head(name, kind, parameters), "isUnsafe": False}})

    def theorem(self, name: str, kind: Expression, value: Expression, parameters: Sequence[str] = ()) -> None:
        head = self.head(name, kind, parameters)
        self.line({"thm": {**head, "value": self.expression(value), "all": [self.name(name)]}})

    def definition(self, name: str, kind: Expression, value: Expression, parameters: Sequence[str] = ()) -> None:
        head = self.head(name, kind, parameters)
        rest = {"value": self.expression(value), "hints": "abbrev", "safety": "safe", "all": [self.name(name)]}
        self.line({"def": {**head, **rest}})

    def inductive(
        self,
        name: str,
        kind: Expression,
        constructors: Sequence[tuple[str, Expression, int]],
        recursors: Sequence[Mapping[str, Any]] = (),
        recursive: bool = False,
    ) -> None:
        """A type without parameters or indices; constructors are (name, type, number of fields)."""
        of = self.name(name)
        types = {
            **self.head(name, kind),
            "numParams": 0,
            "numIndices": 0,
            "all": [of],
            "ctors": self.names([constructor for constructor, _, _ in constructors]),
            "numNested": 0,
            "isRec": recursive,
            "isUnsafe": False,
            "isReflexive": False,
        }
        made = [
            {
                **self.head(constructor, its),
                "induct": of,
                "cidx": i,
                "numParams": 0,
                "numFields": fields,
                "isUnsafe": False,
            }
            for i, (constructor, its, fields) in enumerate(constructors)
        ]
        self.line({"inductive": {"types": [types], "ctors": made, "recs": list(recursors)}})


def numbers(
    export: Export, name: str = "N", zero: str = "zero", successor: str = "succ", rule: Expression | None = None
) -> None:
    """Unary numbers with their recursor; `rule` takes the place of what the recursor makes of a successor."""
    n, z, s = const(name), const(f"{name}.{zero}"), const(f"{name}.{successor}")
    motive = arrow(n, sort("u"), "t")
    step = arrow(n, arrow(app(bvar(2), bvar(0)), app(bvar(3), app(s, bvar(1))), "ih"), "n")
    kind = (
        "forallE",
        "motive",
        motive,
        arrow(app(bvar(0), z), arrow(step, arrow(n, app(bvar(3), bvar(0)), "t"), "succ"), "zero"),
    )

    def lams(body: Expression) -> Expression:
        return lam("motive", motive, lam("zero", app(bvar(0), z), lam("succ", step, body)))

    again = app(const(f"{name}.rec", "u"), bvar(3), bvar(2), bvar(1), bvar(0))
    grown = rule or lams(lam("n", n, app(bvar(1), bvar(0), again)))
    recursor = {
        **export.head(f"{name}.rec", kind, ["u"]),
        "all": [export.name(name)],
        "numParams": 0,
        "numIndices": 0,
        "numMotives": 1,
        "numMinors": 2,
        "rules": [
            {"ctor": export.name(f"{name}.{zero}"), "nfields": 0, "rhs": export.expression(lams(bvar(1)))},
            {"ctor": export.name(f"{name}.{successor}"), "nfields": 1, "rhs": export.expression(grown)},
        ],
        "k": False,
        "isUnsafe": False,
    }
    constructors = [(f"{name}.{zero}", n, 0), (f"{name}.{successor}", arrow(n, n, "n"), 1)]
    export.inductive(name, TYPE, constructors, [recursor], recursive=True)
