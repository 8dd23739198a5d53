"""The Pareto front: points that no other point beats on both axes."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of points not dominated by another (at least equal on both axes and better on one), by
    increasing first axis.
    """

    def beaten(point: tuple[float, float]) -> bool:
        return any(other[0] >= point[0] and other[1] >= point[1] and other != point for other in points)

    return sorted((index for index, point in enumerate(points) if not beaten(point)), key=lambda index: points[index])
