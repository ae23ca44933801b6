"""The report of a comparison with peers: a page, its picture, and the numbers as JSON."""

from collections.abc import Sequence
from pathlib import Path

from echo_rnn.benchmark.report.page import document, facts, image, paragraphs, section, table
from echo_rnn.files import write_json, write_text
from echo_rnn.peers import words
from echo_rnn.peers.results import Comparison, summary
from echo_rnn.plots import save
from echo_rnn.plots.peers import peers

_METHOD = """\
Every contestant is a process of its own that trains the same network on the same data from the same weights, with \
Adagrad as in the seed, the state carried from window to window: ours in the loop over windows that training uses, the \
others as their own users would write them. First each runs its first steps; one whose losses are not ours is reported \
and not timed. The others are asked one at a time, in rounds, in an order drawn anew for each; the others wait \
meanwhile. One clock times all, from the question to the answer, and a call runs as many steps as fill a minimum time. \
A ratio is a contestant's time over that of our best in the same round, with a 95 % interval over rounds and starts. \
Our best is picked with the same samples. C runs on one thread, all others on as many as the table says."""


def write_report(comparisons: Sequence[Comparison], folder: Path) -> list[Path]:
    """Writes everything; the same input gives the same bytes.

    Args:
        comparisons: What was measured.
        folder: Where the files go; created where missing.

    Returns:
        The page, the picture, the numbers.
    """
    picture, page, numbers = folder / "peers.png", folder / "report.html", folder / "summary.json"
    save(peers(comparisons), picture)
    write_json(numbers, summary(comparisons))
    sections = [
        section("summary", "In short", paragraphs("\n\n".join(map(words.sentences, comparisons)))),
        section("ratios", "Ratios", image(picture, "Ratios: a chart; its numbers stand in the table below.", _READING)),
        section("numbers", "All numbers", table(words.table(comparisons), "Every contestant at every shape")),
        section("machine", "Machine and versions", facts([comparison.environment for comparison in comparisons])),
        section("method", "How it was measured", paragraphs(_METHOD)),
    ]
    write_text(page, document("Ours beside others", "The same training steps in other libraries and in C.", sections))
    return [page, picture, numbers]


_READING = (
    "How many times longer a training step takes than our best; left of the line is faster. Round marks are ours."
)
