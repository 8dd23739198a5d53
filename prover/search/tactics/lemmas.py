"""Core Lean lemmas for rewriting and simplification, indexed by symbols that the goal must mention."""

import re
from collections.abc import Mapping

from prover.search.tactics.goals.goal import Goal

_NUMBERS = ("add_comm", "add_assoc", "add_left_comm")
_PRODUCTS = ("mul_comm", "mul_assoc", "mul_add", "add_mul", "mul_left_comm")

# For each symbol: lemma names that exist in the namespaces of both `Nat` and `Int`.
_OF_NUMBERS: Mapping[str, tuple[str, ...]] = {
    r"\+": _NUMBERS,
    r"\*": _PRODUCTS,
    r"\^": ("pow_succ", "pow_two"),
    r"-": ("sub_self", "sub_sub"),
    r"\bmin\b": ("min_def", "min_comm"),
    r"\bmax\b": ("max_def", "max_comm"),
}

_OF_NAMES: Mapping[str, tuple[str, ...]] = {
    r"%": ("Nat.mod_def", "Int.emod_def"),
    r"\bgcd\b": ("Nat.gcd_comm", "Nat.gcd_rec"),
    r"∣": ("Nat.dvd_iff_mod_eq_zero", "Int.dvd_iff_emod_eq_zero"),
    r"\+\+": ("List.append_assoc", "List.append_nil", "List.length_append"),
    r"\.map\b|List\.map": ("List.map_map", "List.map_append", "List.length_map", "List.map_cons"),
    r"\breverse\b": ("List.reverse_append", "List.reverse_reverse", "List.length_reverse", "List.reverse_cons"),
    r"\bfilter\b": ("List.filter_append", "List.filter_filter", "List.filter_cons"),
    r"\blength\b": ("List.length_cons", "List.length_append"),
    r"\bfoldr\b": ("List.foldr_append", "List.foldr_cons"),
    r"\bfoldl\b": ("List.foldl_append", "List.foldl_cons"),
    r"∈": ("List.mem_append", "List.mem_cons", "List.mem_map"),
    r"Option\.map": ("Option.map_map", "Option.map_some"),
    r"\.bind\b": ("Option.bind_assoc", "Option.bind_some"),
    r"∧": ("and_comm", "and_assoc", "and_or_left"),
    r"∨": ("or_comm", "or_assoc", "or_and_left"),
    r"¬": ("not_and", "not_or", "Classical.not_not", "not_forall", "not_exists"),
    r"→|∨": ("Classical.or_iff_not_imp_left",),
    r"&&|\|\|": ("Bool.and_comm", "Bool.or_comm", "Bool.and_assoc", "Bool.or_assoc"),
}


def lemmas(goal: Goal) -> list[str]:
    """Return the names of lemmas that may rewrite the goal's target."""
    space = "Int" if any(each.type.startswith("Int") for each in goal.hypotheses) else "Nat"
    found = [
        f"{space}.{name}" for pattern, names in _OF_NUMBERS.items() if re.search(pattern, goal.target) for name in names
    ]
    found += [name for pattern, names in _OF_NAMES.items() if re.search(pattern, goal.target) for name in names]
    return list(dict.fromkeys(found))
