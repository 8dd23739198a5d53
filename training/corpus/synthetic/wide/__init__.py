"""Families with room for very many theorems: random terms and formulas whose truth is computed.

They are drawn from by `training.conjectures` alone; `training.corpus.synthetic.generator` has those of `families`.
"""

from collections.abc import Mapping

from training.corpus.synthetic.draft import Template
from training.corpus.synthetic.wide import booleans, linear, list_terms, predicates

WIDE_FAMILIES: Mapping[str, Mapping[str, Template]] = {
    "booleans": booleans.TEMPLATES,
    "list_terms": list_terms.TEMPLATES,
    "predicates": predicates.TEMPLATES,
    "linear": linear.TEMPLATES,
}
