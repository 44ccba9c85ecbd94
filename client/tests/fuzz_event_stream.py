"""Random streams through the decoder and the oracle: `python -m tests.fuzz_event_stream --count 1000000`.

Each stream is fed whole, byte by byte if it is short, and in random pieces. A difference ends the run with the seed and
the stream that show it.
"""

from __future__ import annotations

import argparse
import sys
from random import Random

from tests.event_streams import cut_at, decoded, in_pieces, random_cuts, random_stream
from tests.oracle import interpret

SHORT_BYTES = 120


def first_difference(seed: int, count: int) -> str | None:
    """Compare `count` random streams; describe the first that the two read differently."""
    random = Random(seed)  # noqa: S311 - streams that a seed repeats, not secrets
    for number in range(count):
        stream = random_stream(random)
        start_id = random.choice(("", "k"))
        expected = interpret(stream, start_id)
        feeds = [[stream], cut_at(stream, random_cuts(random, stream))]
        if len(stream) <= SHORT_BYTES:
            feeds.append(in_pieces(stream, 1))
        for pieces in feeds:
            actual = decoded(pieces, start_id)
            if actual != expected:
                return f"seed {seed}, stream {number}: {pieces}\nexpected {expected}\nactual   {actual}"
    return None


def main() -> int:
    """Run from the command line; the exit code is 1 for a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    difference = first_difference(options.seed, options.count)
    print(difference or f"{options.count} random streams: the decoder and the oracle agree")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
