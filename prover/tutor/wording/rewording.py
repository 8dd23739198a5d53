"""Hints in other words: a language model may reword a template that has passed the vetoes, and is held to them too."""

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
_KEPT_WORDS = 1 / 3  # of those of the template that carry meaning
_WORD = re.compile(r"[^\W\d_]{4,}")
_ENGLISH = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_AROUND = '.,;:?!()"“”…'


class Phraser(Protocol):
    """Who rewords hints."""

    async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
        """A hint in other words; `refused` were tried and may not be given.

        Raises:
            SamplerUnavailableError: there is no answer to be had.
            ValueError: it cannot be asked so.
        """
        ...


async def reworded(
    phraser: Phraser, template: str, situation: Situation, raised: Counter[Veto], seconds: float
) -> str | None:
    """A template in other words that pass the vetoes; None: there are none within the time, or after three revisions.

    Args:
        phraser: is asked.
        template: has passed the vetoes.
        situation: by which its words are judged.
        raised: where objections are counted.
        seconds: wall-clock bound of all of it.
    """
    refused: dict[str, Veto] = {}
    try:
        async with asyncio.timeout(seconds):
            for _ in range(1 + MOST_REVISIONS):
                text = " ".join((await phraser.reword(template, refused)).split())
                marked = _marked(text, template)
                # Code that is not marked as such is judged both ways: in words, and as code.
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
    """The objection to words that do not say what the template says: other code, or few words of it."""
    if not text or len(text) > _LONGEST or text.count("`") % 2:
        return Veto.FALSE_CLAIM
    if set(fragments(text)) != set(fragments(template)):
        return Veto.FALSE_CLAIM
    wanted, said = _words(template), _words(text)
    return None if len(wanted & said) >= _KEPT_WORDS * len(wanted) else Veto.FALSE_CLAIM


def _marked(text: str, template: str) -> str:
    """The text with backticks around what is code, in general or of the template, but was not marked as such."""
    code = fragments(template)
    pieces = text.split("`")
    pieces[::2] = [" ".join(_mark(word, code) for word in piece.split(" ")) for piece in pieces[::2]]
    return "`".join(pieces)


def _mark(word: str, code: Sequence[str]) -> str:
    """A word between backticks, unless it is one of English: a letter alone, a digit or a sign in it make it code."""
    bare = word.strip(_AROUND)
    english = _ENGLISH.fullmatch(bare) and (len(bare) > 1 or bare in "aAI")
    if not bare or (english and bare not in code):
        return word
    return word.replace(bare, f"`{bare}`", 1)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
