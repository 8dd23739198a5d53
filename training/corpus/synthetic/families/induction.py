"""Facts that need induction: over numbers, and over lists and trees defined on the spot."""

from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient, linear
from training.corpus.synthetic.families.polynomials import Polynomial, add, evaluate, shift, text


def arithmetic_progression(random: Random) -> Draft:
    """A function that grows by a constant."""
    f, n = _names(random)
    a, b = random.randint(0, 9), random.randint(1, 9)
    return _recurrence(f, n, a, f"{f} {n} + {b}", f"{f} {n} = {linear({n: b}, a)}")


def polynomial_sum(random: Random) -> Draft:
    """A function that grows by a polynomial, and its closed form."""
    f, n = _names(random)
    closed = _polynomial(n, random)
    step = add(shift(closed, n, 1), closed, -1)
    start = evaluate(closed, {n: 0})
    return _recurrence(f, n, start, f"{f} {n} + ({text(step)})", f"{f} {n} = {text(closed)}")


def geometric(random: Random) -> Draft:
    """A function that is multiplied by a constant, with or without a constant added."""
    f, n = _names(random)
    start, ratio = random.randint(1, 5), random.randint(2, 5)
    if random.random() < 0.4:
        return _recurrence(f, n, start, f"{ratio} * {f} {n}", f"{f} {n} = {start} * {ratio} ^ {n}")
    shift_by = random.randint(1, 4)
    step = f"{ratio} * {f} {n} + {shift_by * (ratio - 1)}"
    return _recurrence(f, n, start, step, f"{f} {n} + {shift_by} = {start + shift_by} * {ratio} ^ {n}")


def growth(random: Random) -> Draft:
    """An exponential against a linear function, from where it is larger."""
    n = random.choice("nkm")
    base, slope, offset = random.randint(2, 4), random.randint(1, 4), random.randint(0, 4)
    first = next(start for start in range(20) if all(base**i > slope * i + offset for i in range(start, 40)))
    goal = f"{linear({n: slope}, offset)} < {base} ^ {n}"
    return Draft((f"{n} : Nat",), goal, (f"{first} ≤ {n}",) if first else ())


def power_remainder(random: Random) -> Draft:
    """The remainder of a power with an unknown exponent."""
    n, modulus = random.choice("nkm"), random.randint(2, 11)
    base = modulus * random.randint(1, 3) + 1
    extra = random.randint(1, 12)
    if random.random() < 0.5:
        return Draft((f"{n} : Nat",), f"({base} ^ {n} + {extra}) % {modulus} = {(1 + extra) % modulus}")
    return Draft((f"{n} : Nat",), f"{modulus} ∣ {base} ^ {n} + {modulus * random.randint(1, 3) - 1}")


def monotone(random: Random) -> Draft:
    """A property preserved by a step holds after many steps."""
    f, n = _names(random)
    a, b = random.randint(0, 9), random.randint(1, 5)
    step_up = f"∀ {n}, {f} {n} ≤ {f} ({n} + 1)"
    goal, hypotheses = random.choice(
        [
            (f"∀ {n}, {f} 0 ≤ {f} {n}", (step_up,)),
            (f"∀ {n} d, {f} {n} ≤ {f} ({n} + d)", (step_up,)),
            (f"∀ {n} l, {n} ≤ l → {f} {n} ≤ {f} l", (step_up,)),
            (f"∀ {n}, {n} ≤ {f} {n}", (f"∀ {n}, {f} {n} < {f} ({n} + 1)",)),
            (f"∀ {n}, {f} {n} ≤ {linear({n: b}, a)}", (f"{f} 0 ≤ {a}", f"∀ {n}, {f} ({n} + 1) ≤ {f} {n} + {b}")),
            (f"∀ {n}, {f} {n} = {f} 0", (f"∀ {n}, {f} ({n} + 1) = {f} {n}",)),
            (f"∀ {n}, {linear({n: b}, a)} ≤ {f} {n}", (f"{f} 0 = {a}", f"∀ {n}, {f} {n} + {b} ≤ {f} ({n} + 1)")),
        ]
    )
    return Draft((f"{f} : Nat → Nat",), goal, hypotheses)


def step_principle(random: Random) -> Draft:
    """Induction in steps of more than one, or from a later start."""
    n, step = random.choice("nkm"), random.randint(2, 3)
    starts = tuple(f"P {i}" for i in range(step))
    b = random.randint(1, 5)
    return random.choice(
        [
            Draft(("P : Nat → Prop",), f"∀ {n}, P {n}", (*starts, f"∀ {n}, P {n} → P ({n} + {step})")),
            Draft(
                ("P : Nat → Prop",), f"∀ {n}, {b} ≤ {n} → P {n}", (f"P {b}", f"∀ {n}, {b} ≤ {n} → P {n} → P ({n} + 1)")
            ),
            Draft(("P : Nat → Prop",), f"∀ {n}, P ({step} * {n})", ("P 0", f"∀ {n}, P {n} → P ({n} + {step})")),
            Draft(("P : Nat → Prop",), f"∀ {n}, P {n}", (f"∀ {n}, (∀ j, j < {n} → P j) → P {n}",)),
        ]
    )


def defined_sum(random: Random) -> Draft:
    """The closed form of a recursive definition."""
    name, n = random.choice(["total", "sumTo", "s", "count"]), random.choice("nkm")
    closed = _polynomial(n, random)
    factor = random.choice([1, 1, 2])
    doubled = add({}, closed, factor)
    step, start = add(shift(closed, n, 1), closed, -1), evaluate(closed, {n: 0})
    context = f"def {name} : Nat → Nat\n  | 0 => {start}\n  | {n} + 1 => {name} {n} + ({text(step)})"
    return Draft((f"{n} : Nat",), f"{coefficient(factor, f'{name} {n}')} = {text(doubled)}", context=context)


def list_recursion(random: Random) -> Draft:
    """A function defined by recursion over a list of numbers."""
    name = random.choice(["f", "walk", "g"])
    k = random.randint(1, 4)
    doubling = f"def {name} : List Nat → List Nat\n  | [] => []\n  | x :: xs => x :: x :: {name} xs"
    weights = f"def {name} : List Nat → Nat\n  | [] => 0\n  | x :: xs => {coefficient(k, 'x')} + {name} xs"
    adding = f"def {name} : List Nat → List Nat\n  | [] => []\n  | x :: xs => (x + {k}) :: {name} xs"
    context, goal = random.choice(
        [
            (doubling, f"({name} xs).length = 2 * xs.length"),
            (doubling, f"({name} xs).sum = 2 * xs.sum"),
            (doubling, f"{name} (xs ++ ys) = {name} xs ++ {name} ys"),
            (weights, f"{name} xs = {coefficient(k, 'xs.sum')}"),
            (weights, f"{name} (xs ++ ys) = {name} xs + {name} ys"),
            (adding, f"({name} xs).length = xs.length"),
            (adding, f"{name} xs = xs.map fun x => x + {k}"),
            (adding, f"{name} (xs ++ ys) = {name} xs ++ {name} ys"),
        ]
    )
    return Draft((f"{'xs ys' if 'ys' in goal else 'xs'} : List Nat",), goal, context=context)


def tree_recursion(random: Random) -> Draft:
    """Functions on binary trees."""
    tree, leaf, node = random.choice([("Tree", "leaf", "node"), ("Shape", "tip", "fork"), ("Bin", "nil", "join")])
    declaration = (
        f"inductive {tree} where\n  | {leaf} : {tree}\n  | {node} : {tree} → {tree} → {tree}\n\nnamespace {tree}"
    )

    def define(name: str, result: str, at_leaf: str, at_node: str) -> str:
        return f"def {name} : {tree} → {result}\n  | {leaf} => {at_leaf}\n  | {node} l r => {at_node}"

    mirror = define("mirror", tree, leaf, f"{node} (mirror r) (mirror l)")
    leaves = define("leaves", "Nat", "1", "leaves l + leaves r")
    nodes = define("nodes", "Nat", "0", "nodes l + nodes r + 1")
    depth = define("depth", "Nat", "0", "max (depth l) (depth r) + 1")
    definitions, goal = random.choice(
        [
            ([mirror], "mirror (mirror t) = t"),
            ([mirror, leaves], "leaves (mirror t) = leaves t"),
            ([mirror, nodes], "nodes (mirror t) = nodes t"),
            ([mirror, depth], "depth (mirror t) = depth t"),
            ([leaves, nodes], "leaves t = nodes t + 1"),
            ([leaves], "0 < leaves t"),
            ([nodes, depth], "depth t ≤ nodes t"),
            ([leaves, depth], "leaves t ≤ 2 ^ depth t"),
        ]
    )
    return Draft((f"t : {tree}",), goal, context="\n\n".join([declaration, *definitions]))


def unary_numbers(random: Random) -> Draft:
    """Addition and multiplication on numbers built from scratch."""
    context = (
        "inductive Num where\n  | z : Num\n  | s : Num → Num\n\nnamespace Num\n\n"
        "def add : Num → Num → Num\n  | a, z => a\n  | a, s b => s (add a b)"
    )
    double = "\n\ndef double : Num → Num\n  | z => z\n  | s a => s (s (double a))"
    goal, more = random.choice(
        [
            ("add z a = a", ""),
            ("add (s a) b = s (add a b)", ""),
            ("add (add a b) c = add a (add b c)", ""),
            ("add a b = add b a", ""),
            ("double a = add a a", double),
            ("double (add a b) = add (double a) (double b)", double),
            ("add a b = z → a = z", ""),
        ]
    )
    names = " ".join(name for name in "abc" if name in goal.replace("add", "").replace("double", ""))
    return Draft((f"{names} : Num",), goal, context=context + more)


def _names(random: Random) -> tuple[str, str]:
    return random.choice("fgau"), random.choice("nkm")


def _polynomial(name: str, random: Random) -> Polynomial:
    """Return a polynomial of degree 2 or 3, without negative coefficients."""
    degree = random.randint(2, 3)
    drawn = {(name,) * power: random.randint(0, 4) for power in range(degree)}
    return {(name,) * degree: random.randint(1, 2)} | {monomial: value for monomial, value in drawn.items() if value}


def _recurrence(f: str, n: str, start: int, step: str, claim: str) -> Draft:
    """A function given by its start and its step, and a claim about all its values."""
    hypotheses = (f"{f} 0 = {start}", f"∀ {n}, {f} ({n} + 1) = {step}")
    return Draft((f"{f} : Nat → Nat",), f"∀ {n}, {claim}", hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        arithmetic_progression,
        polynomial_sum,
        geometric,
        growth,
        power_remainder,
        monotone,
        step_principle,
        defined_sum,
        list_recursion,
        tree_recursion,
        unary_numbers,
    )
}
