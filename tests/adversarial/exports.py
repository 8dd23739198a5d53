"""Hand-written exports: lean4export's NDJSON, correct or forged line by line."""

import json
from typing import Any

META = '{"meta":{"exporter":{"name":"test","version":"1"},"format":{"version":"3.1.0"},"lean":{"githash":"","version":""}}}'


class Forge:
    """An export built line by line; repeated entries are written once."""

    def __init__(self, meta: str = META) -> None:
        self.lines = [meta]
        self._names: dict[tuple[str | int, ...], int] = {(): 0}
        self._levels = 0
        self._terms = -1

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, ""])

    def raw(self, line: str) -> "Forge":
        """Any line."""
        self.lines.append(line)
        return self

    def line(self, **fields: Any) -> "Forge":
        return self.raw(json.dumps(fields, separators=(",", ":")))

    def name(self, *parts: str | int) -> int:
        if parts not in self._names:
            before, last = self.name(*parts[:-1]), parts[-1]
            self._names[parts] = len(self._names)
            body = (
                {"str": {"pre": before, "str": last}} if isinstance(last, str) else {"num": {"pre": before, "i": last}}
            )
            self.line(**{"in": self._names[parts]}, **body)
        return self._names[parts]

    def dotted(self, name: str) -> int:
        return self.name(*name.split("."))

    def level(self, **body: Any) -> int:
        self._levels += 1
        self.line(il=self._levels, **body)
        return self._levels

    def term(self, **body: Any) -> int:
        self._terms += 1
        self.line(ie=self._terms, **body)
        return self._terms

    def const(self, name: str, *levels: int) -> int:
        return self.term(const={"name": self.dotted(name), "us": list(levels)})

    def app(self, function: int, *arguments: int) -> int:
        for argument in arguments:
            function = self.term(app={"fn": function, "arg": argument})
        return function

    def prop(self) -> int:
        return self.term(sort=0)

    def type(self) -> int:
        return self.term(sort=self.level(succ=0))

    def pi(self, domain: int, body: int, binder: str = "default") -> int:
        return self.term(forallE={"name": self.dotted("x"), "type": domain, "body": body, "binderInfo": binder})

    def lam(self, domain: int, body: int, binder: str = "default") -> int:
        return self.term(lam={"name": self.dotted("x"), "type": domain, "body": body, "binderInfo": binder})

    def head(self, name: str, type_: int, levels: tuple[str, ...] = ()) -> dict[str, Any]:
        return {"name": self.dotted(name), "levelParams": [self.dotted(level) for level in levels], "type": type_}

    def thm(self, name: str, type_: int, value: int, levels: tuple[str, ...] = ()) -> "Forge":
        return self.line(thm={**self.head(name, type_, levels), "value": value, "all": [self.dotted(name)]})

    def definition(self, name: str, type_: int, value: int, safety: str = "safe", hints: Any = "abbrev") -> "Forge":
        head = self.head(name, type_)
        return self.line(**{"def": {**head, "value": value, "hints": hints, "safety": safety, "all": [head["name"]]}})

    def opaque(self, name: str, type_: int, value: int, is_unsafe: bool = False) -> "Forge":
        head = self.head(name, type_)
        return self.line(opaque={**head, "value": value, "isUnsafe": is_unsafe, "all": [head["name"]]})

    def axiom(self, name: str, type_: int, is_unsafe: bool = False) -> "Forge":
        return self.line(axiom={**self.head(name, type_), "isUnsafe": is_unsafe})

    def unit(self, name: str = "U", **changes: Any) -> "Forge":
        """`inductive U : Type | c`, with its recursor; `changes` are laid over type, constructor and recursor."""
        one, level = self.type(), self.level(param=self.dotted("u"))
        u, c = self.const(name), self.const(f"{name}.c")
        bound = [self.term(bvar=index) for index in range(3)]
        motive = self.pi(u, self.term(sort=level))
        minor = self.app(bound[0], c)
        shape = self.pi(minor, self.pi(u, self.app(bound[2], bound[0])))
        kind = self.pi(motive, shape, "implicit")
        rule = self.lam(motive, self.lam(minor, bound[0]))
        plain = {"isUnsafe": False, "numParams": 0}
        types = {
            **self.head(name, one),
            **plain,
            "numIndices": 0,
            "all": [self.dotted(name)],
            "ctors": [self.dotted(f"{name}.c")],
            "numNested": 0,
            "isRec": False,
            "isReflexive": False,
        }
        ctor = {**self.head(f"{name}.c", u), **plain, "induct": self.dotted(name), "cidx": 0, "numFields": 0}
        recursor = {
            **self.head(f"{name}.rec", kind, ("u",)),
            **plain,
            "all": [self.dotted(name)],
            "numIndices": 0,
            "numMotives": 1,
            "numMinors": 1,
            "rules": [{"ctor": self.dotted(f"{name}.c"), "nfields": 0, "rhs": rule}],
            "k": False,
        }
        parts = {"types": [types], "ctors": [ctor], "recs": [recursor]}
        for part, change in changes.items():
            parts[part] = [{**parts[part][0], **change}] if isinstance(change, dict) else change
        return self.line(inductive=parts)


def false_reference(forge: Forge | None = None) -> Forge:
    """An elaborator's reference for `theorem goal : False`."""
    forge = forge or Forge()
    false = forge.const("False")
    given = forge.app(forge.const("sorryAx", 0), false, forge.const("Bool.true"))
    return forge.thm("goal", false, given)
