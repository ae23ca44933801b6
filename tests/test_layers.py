"""The layers of the house as a contract: imports go down, and nothing imports itself in a circle."""

from graphlib import TopologicalSorter

import grimp
import pytest

# From the top down; rooms of one line may import each other one way only, which the test of circles holds.
LAYERS = (
    {"pipelines"},
    {"stages"},
    {"benchmark", "plots", "tracking"},
    {"training", "evaluation", "inference"},
    {"tasks", "keras_layer"},
    {"core"},
)
BESIDE = {"config"}
"""The typed schema of the configuration: any room above `tasks` may import it; it reads the tables of these two."""
STRANGERS = [("benchmark", "plots"), ("benchmark", "tracking"), ("plots", "tracking")]
"""Finished numbers go from one to the other in `stages`."""
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("echo_rnn", "pipelines", cache_dir=None)


def room_of(module):
    """The room of a module: a folder of the package, or `small` for the few files that have none."""
    first, _, rest = module.partition(".")
    if first == "pipelines":
        return first
    room = rest.partition(".")[0]
    return room if room in LEVEL or room in BESIDE else "small"


def imports(graph):
    return [(module, other) for module in graph.modules for other in graph.find_modules_directly_imported_by(module)]


def sorted_or_raise(pairs):
    order = TopologicalSorter()
    for above, below in pairs:
        order.add(above, below)
    order.prepare()


def test_no_module_imports_itself_in_a_circle(graph):
    sorted_or_raise(imports(graph))


def test_no_two_rooms_import_each_other(graph):
    rooms = {(room_of(module), room_of(other)) for module, other in imports(graph)}
    sorted_or_raise((above, below) for above, below in rooms if below not in (above, "small"))


def test_rooms_import_lower_rooms_only(graph):
    upwards = [
        f"{module} imports {other}"
        for module, other in imports(graph)
        if room_of(module) in LEVEL and room_of(other) in LEVEL and LEVEL[room_of(module)] > LEVEL[room_of(other)]
    ]
    assert upwards == []


def test_finished_numbers_meet_figures_and_the_store_in_stages_only(graph):
    met = [
        f"{module} imports {other}"
        for module, other in imports(graph)
        if (room_of(module), room_of(other)) in STRANGERS or (room_of(other), room_of(module)) in STRANGERS
    ]
    assert met == []


@pytest.mark.parametrize(("room", "allowed"), [("core", {"core"}), ("config", {"config", "core", "tasks", "small"})])
def test_core_stands_alone_and_the_configuration_beside_it(graph, room, allowed):
    others = [
        f"{module} imports {other}"
        for module, other in imports(graph)
        if room_of(module) == room and room_of(other) not in allowed
    ]
    assert others == []


def test_small_files_import_each_other_and_the_error_of_core_only(graph):
    large = [
        f"{module} imports {other}"
        for module, other in imports(graph)
        if room_of(module) == "small" and room_of(other) != "small" and other != "echo_rnn.core.errors"
    ]
    assert large == []
