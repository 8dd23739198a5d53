"""Hints in the words of a model, judged without Lean; what models say is fixed here."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest

from prover.sampling.sampler import SamplerUnavailableError
from prover.tutor.hints import GivenHint, Level, Veto
from prover.tutor.wording.phrasing import MOST_REVISIONS
from prover.tutor.wording.rewording import reworded
from prover.tutor.wording.vetoes import Situation
from tests.prover.tutor.test_vetoes import situation

TEMPLATE = "The tactic `rw` replaces equals by equals in your goal."
GOOD = "To replace equals by equals in your goal there is a tactic: `rw`."


class Model:
    """Says these texts in turn, the last one again and again; `asked` is what it was told."""

    def __init__(self, *texts: str | Exception) -> None:
        self._texts = list(texts)
        self.asked: list[dict[str, Veto]] = []

    async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
        self.asked.append(dict(refused))
        text = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        if isinstance(text, Exception):
            raise text
        return text


def at(**fields: tuple[GivenHint, ...]) -> Situation:
    return situation(Level.NAME, "rw [f h]", "exact h", closing=["rw [f h]"], **fields)


def said(model: Model, template: str = TEMPLATE, at: Situation | None = None) -> tuple[str | None, Counter[Veto]]:
    raised = Counter[Veto]()
    where = at or globals()["at"]()
    return asyncio.run(reworded(model, template, where, raised, 5.0)), raised


def test_words_that_pass_are_given() -> None:
    assert said(Model(f"  {GOOD}\n")) == (GOOD, Counter())


@pytest.mark.parametrize(
    ("text", "veto"),
    [
        ("Replace equals by equals in your goal with `rw [f h]`.", Veto.LEAK),
        ("Replace equals by equals in your goal with rw [f h].", Veto.LEAK),
        ("The tactic `rw` replaces equals by equals; then `exact h` closes your goal.", Veto.SEVERAL_STEPS),
        ("The tactic `norm` replaces equals by equals in your goal.", Veto.FALSE_CLAIM),
        ("The tactic norm_num replaces equals by equals in your goal.", Veto.FALSE_CLAIM),
        ("The tactic `simp` replaces equals by equals in your goal.", Veto.FALSE_CLAIM),
        ("Replace equals by equals in your goal.", Veto.FALSE_CLAIM),
        ("`rw` will not help you, as nothing here can be done; go home.", Veto.FALSE_CLAIM),
        ("", Veto.FALSE_CLAIM),
        (f"{GOOD} " * 20, Veto.FALSE_CLAIM),
    ],
)
def test_words_that_do_not_are_revised_three_times_and_then_the_template_stays(text: str, veto: Veto) -> None:
    model = Model(text)
    assert said(model) == (None, Counter({veto: 1 + MOST_REVISIONS}))
    assert len(model.asked) == 1 + MOST_REVISIONS
    assert veto in model.asked[-1].values(), "the model is told why"
    assert said(Model(text, GOOD)) == (GOOD, Counter({veto: 1}))


def test_another_way_is_told_as_such() -> None:
    other = at(earlier=(GivenHint(Level.NAME, "g-other"),))
    template = f"There is another way: {TEMPLATE}"
    assert said(Model(GOOD), template, other)[1] == Counter({Veto.CONTRADICTION: 4})
    assert said(Model(f"Another way: {GOOD}"), template, other)[0] == f"Another way: {GOOD}"


def test_code_that_a_model_did_not_mark_is_marked() -> None:
    assert said(Model(GOOD.replace("`", "")))[0] == GOOD


@pytest.mark.parametrize("error", [SamplerUnavailableError("gone"), ValueError("refuses the request")])
def test_a_model_that_fails_leaves_the_template(error: Exception) -> None:
    assert said(Model(error)) == (None, Counter())


def test_a_model_that_does_not_answer_is_not_waited_for() -> None:
    class Silent(Model):
        async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
            await asyncio.Event().wait()
            return GOOD

    async def ask() -> str | None:
        return await reworded(Silent(""), TEMPLATE, at(), Counter(), 0.01)

    assert asyncio.run(ask()) is None
