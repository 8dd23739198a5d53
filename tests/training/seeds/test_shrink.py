"""A proof with alternatives is reduced to the alternative that works."""

from training.seeds.shrink import shrink


async def test_a_first_is_cut_down_to_what_works_and_needless_facts_go() -> None:
    asked = []

    async def holds(proof: str) -> bool:
        asked.append(proof)
        return "exact 13" in proof and "have needed" in proof

    alternatives = "\n".join(f"    | exact {number}" for number in range(10, 30))
    wide = f"by\n  have needed := 1\n  have other := 2\n  first\n{alternatives}"
    assert await shrink(wide, holds) == "by\n  have needed := 1\n  exact 13"
    assert len(asked) < 14
    assert await shrink("by\n  have needed := 1\n  all_goals first | simp | exact 13 | rfl", holds) == (
        "by\n  have needed := 1\n  all_goals exact 13"
    )


async def test_a_first_that_needs_two_alternatives_stays() -> None:
    proof = "by\n  constructor\n  all_goals first | simp | omega | rfl | grind"

    async def holds(proof: str) -> bool:
        return "simp" in proof and "grind" in proof

    assert await shrink(proof, holds) == proof
