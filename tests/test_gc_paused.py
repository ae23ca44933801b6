import subprocess
import sys


def answer(code):
    """The output of a fresh interpreter: freezing in this one would exclude the garbage of other tests for ever."""
    command = [sys.executable, "-c", f"import gc, atexit\nfrom echo_rnn.gc_paused import gc_paused\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_nothing_is_collected_in_the_block_and_all_is_afterwards():
    code = """
with gc_paused(): print(gc.isenabled())
print(gc.isenabled())
"""
    assert answer(code) == ["False", "True"]


def test_a_disabled_collector_stays_disabled():
    code = """
gc.disable()
with gc_paused(): pass
print(gc.isenabled())
"""
    assert answer(code) == ["False"]


def test_the_collector_is_enabled_after_a_block_that_raises():
    code = """
try:
    with gc_paused(): raise ImportError
except ImportError:
    print(gc.isenabled())
"""
    assert answer(code) == ["True"]


def test_garbage_of_an_earlier_training_is_still_found():
    code = """
import sys
sys.modules["tensorflow"] = gc
class Node: pass
node = Node()
node.own = node
del node
with gc_paused(): print(gc.isenabled(), gc.get_freeze_count())
print(gc.get_freeze_count(), gc.collect() > 0)
"""
    assert answer(code) == ["True", "0", "0", "True"]


def test_objects_of_the_block_are_never_collected_and_later_garbage_is():
    code = """
class Node:
    def __init__(self): self.own = self
    def __del__(self): print(self.name)
def garbage(name): Node().name = name
with gc_paused():
    garbage("before")
garbage("after")
print(gc.collect() > 0)
"""
    assert answer(code) == ["after", "True"]


def test_functions_of_atexit_are_still_called():
    code = """
with gc_paused():
    atexit.register(print, "exit")
atexit.register(print, "at")
print("end", end=" ")
"""
    assert answer(code) == ["end", "at", "exit"]
