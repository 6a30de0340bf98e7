"""Which stage goes first: the one with the longest way from its start to the end of all."""

from collections.abc import Collection, Mapping


def urgency(
    upstream: Mapping[str, Collection[str]],
    downstream: Mapping[str, Collection[str]],
    durations: Mapping[str, float],
) -> dict[str, tuple[float, float]]:
    """For each stage the seconds of the longest path from its start, and its number."""
    left = {name: len(readers) for name, readers in downstream.items()}
    number = {name: index for index, name in enumerate(upstream)}
    length: dict[str, float] = {}
    front = [name for name, count in left.items() if not count]
    while front:
        name = front.pop()
        below = max((length[reader] for reader in downstream[name]), default=0.0)
        length[name] = durations.get(name, 1.0) + below
        for feeder in upstream[name]:
            left[feeder] -= 1
            if not left[feeder]:
                front.append(feeder)
    if len(length) < len(number):
        raise ValueError("the stages form a cycle")
    return {name: (length[name], number[name]) for name in number}
