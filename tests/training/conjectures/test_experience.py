from random import Random

from prover.theorem import Theorem
from training.conjectures.experience import Experience, recipes

THEOREM = Theorem("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p")


class Steady(Random):
    """Never explores."""

    def random(self) -> float:
        return 1.0


def order(experience: Experience, kind: str = "logic") -> list[str]:
    return list(dict.fromkeys(name for name, _, _ in experience.proofs(kind, THEOREM, Steady())))


def test_a_recipe_that_gave_proofs_of_a_kind_goes_first_there() -> None:
    experience = Experience()
    last = order(experience)[-1]
    for _ in range(5):
        experience.learn("logic", last, True, 10.0)
    assert order(experience)[0] == last
    for _ in range(50):
        experience.learn("logic", last, False, 400.0)
    assert order(experience)[0] != last


def test_a_recipe_that_is_dear_goes_behind_one_that_is_cheap() -> None:
    experience = Experience()
    one, other = order(experience)[:2]
    for _ in range(5):
        experience.learn("logic", one, True, 900.0)
        experience.learn("logic", other, True, 9.0)
    assert order(experience).index(other) < order(experience).index(one)


def test_what_is_known_of_a_recipe_elsewhere_counts_for_a_new_kind() -> None:
    experience = Experience()
    last = order(experience)[-1]
    for _ in range(20):
        experience.learn("other", last, True, 5.0)
    assert order(experience, "new")[0] == last


def test_no_recipe_casts_a_net_and_proofs_do_not_repeat() -> None:
    assert not any("first" in template.tactics for template in recipes().values())
    proofs = [proof for _, proof, _ in Experience().proofs("logic", THEOREM, Steady())]
    assert len(set(proofs)) == len(proofs) > 20
    assert all(proof.startswith("by\n  ") for proof in proofs)
