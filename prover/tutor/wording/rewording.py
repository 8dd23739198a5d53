"""Rewords hints with a language model; the result must pass the same vetoes as the template."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from prover.errors import UserError
from prover.sampling.sampler import SamplerUnavailableError
from prover.tutor.hints import Veto
from prover.tutor.wording.phrasing import MOST_REVISIONS
from prover.tutor.wording.vetoes import Situation, fragments, veto

logger = logging.getLogger(__name__)

_LONGEST = 400  # characters
_KEPT_WORDS = 1 / 3  # of the meaningful words of the template
_WORD = re.compile(r"[^\W\d_]{4,}")
_ENGLISH = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_AROUND = '.,;:?!()"“”…'


class Phraser(Protocol):
    """Rewords hints."""

    async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
        """Return a hint in other words; `refused` texts were rejected before.

        Raises:
            SamplerUnavailableError: no answer is available.
            ValueError: the request is invalid.
        """
        ...


async def reworded(
    phraser: Phraser, template: str, situation: Situation, raised: Counter[Veto], seconds: float
) -> str | None:
    """Return a reworded template that passes the vetoes; None if there is none in time, or after three revisions.

    Args:
        phraser: rewords the template.
        template: a text that passes the vetoes.
        situation: the learner's state, for the vetoes.
        raised: counts the objections.
        seconds: total wall-clock limit.
    """
    refused: dict[str, Veto] = {}
    try:
        async with asyncio.timeout(seconds):
            for _ in range(1 + MOST_REVISIONS):
                text = " ".join((await phraser.reword(template, refused)).split())
                marked = _marked(text, template)
                # Unmarked code is judged both as words and as code.
                objection = await veto(text, situation) or await veto(marked, situation) or _strays(marked, template)
                if objection is None:
                    return marked
                raised[objection] += 1
                refused[text[:_LONGEST]] = objection
    except TimeoutError:
        logger.info("a hint was not reworded within %g s", seconds)
    except (SamplerUnavailableError, ValueError, UserError) as error:
        logger.warning("hints cannot be reworded: %s", error)
    return None


def _strays(text: str, template: str) -> Veto | None:
    """Return the objection if the words stray from the template: other code, or few of its words."""
    if not text or len(text) > _LONGEST or text.count("`") % 2:
        return Veto.FALSE_CLAIM
    if set(fragments(text)) != set(fragments(template)):
        return Veto.FALSE_CLAIM
    wanted, words = _words(template), _words(text)
    return None if len(wanted & words) >= _KEPT_WORDS * len(wanted) else Veto.FALSE_CLAIM


def _marked(text: str, template: str) -> str:
    """Add backticks around unmarked code, recognised by its form or from the template."""
    code = fragments(template)
    pieces = text.split("`")
    pieces[::2] = [" ".join(_mark(word, code) for word in piece.split(" ")) for piece in pieces[::2]]
    return "`".join(pieces)


def _mark(word: str, code: Sequence[str]) -> str:
    """Mark a word with backticks unless it is an English word: a single letter, a digit or a sign makes it code."""
    bare = word.strip(_AROUND)
    english = _ENGLISH.fullmatch(bare) and (len(bare) > 1 or bare in "aAI")
    if not bare or (english and bare not in code):
        return word
    return word.replace(bare, f"`{bare}`", 1)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
