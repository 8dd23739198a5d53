"""How a request wants models to sample."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model samples; what is None or empty, the service decides.

    Attributes:
        focus: where to stand between coverage (0) and precision (1), mapped by measured curves. At most one of `focus`,
            `alpha` and `model` is given.
        alpha: the model that was tuned at this α.
        model: a model by name.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: longest candidate, in tokens.
        seed: makes the candidates repeat.
    """

    focus: float | None = None
    alpha: float | None = None
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
