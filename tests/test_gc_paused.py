import subprocess
import sys


def answer(code):
    """What a fresh interpreter says: freezing what there is would keep garbage of other tests for ever."""
    command = [sys.executable, "-c", f"import gc, atexit\nfrom echo_rnn.gc_paused import lasting\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_nothing_is_collected_in_the_block_and_all_is_afterwards():
    code = """
with lasting(): print(gc.isenabled())
print(gc.isenabled())
"""
    assert answer(code) == ["False", "True"]


def test_a_collector_that_was_off_stays_off():
    code = """
gc.disable()
with lasting(): pass
print(gc.isenabled())
"""
    assert answer(code) == ["False"]


def test_a_block_that_raises_leaves_the_collector_on():
    code = """
try:
    with lasting(): raise ImportError
except ImportError:
    print(gc.isenabled())
"""
    assert answer(code) == ["True"]


def test_what_an_earlier_training_left_is_still_found():
    code = """
import sys
sys.modules["tensorflow"] = gc
class Node: pass
node = Node()
node.own = node
del node
with lasting(): print(gc.isenabled(), gc.get_freeze_count())
print(gc.get_freeze_count(), gc.collect() > 0)
"""
    assert answer(code) == ["True", "0", "0", "True"]


def test_what_the_block_made_is_never_looked_through_and_later_garbage_is_found():
    code = """
class Node:
    def __init__(self): self.own = self
    def __del__(self): print(self.name)
def garbage(name): Node().name = name
with lasting():
    garbage("before")
garbage("after")
print(gc.collect() > 0)
"""
    assert answer(code) == ["after", "True"]


def test_what_waits_for_the_end_of_the_process_still_happens():
    code = """
with lasting():
    atexit.register(print, "exit")
atexit.register(print, "at")
print("end", end=" ")
"""
    assert answer(code) == ["end", "at", "exit"]
