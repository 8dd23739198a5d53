"""The Pareto front: what nothing else beats on both axes."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other point matches on both axes and beats on one, by rising first axis."""

    def beaten(point: tuple[float, float]) -> bool:
        return any(other[0] >= point[0] and other[1] >= point[1] and other != point for other in points)

    return sorted((index for index, point in enumerate(points) if not beaten(point)), key=lambda index: points[index])
