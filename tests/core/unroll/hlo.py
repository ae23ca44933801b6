"""Reads programs as XLA has optimised them: what the turns of their loops make whole, where one slice would do."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.-]+) .*\{$")
_INSTRUCTION = re.compile(r"^\s+(ROOT )?%([\w.-]+) = (.+?) ([a-z][\w-]*)\((.*)$")
_ARRAY = re.compile(r"^\w+\[([\d,]*)\]")
_CALLED = re.compile(r"(?:calls|to_apply|body)=%([\w.-]+)")

_READ, _WRITE = "dynamic-slice", "dynamic-update-slice"
# These make nothing: they name what is there. A nested loop is looked at by itself.
_NAMES = {"parameter", "get-tuple-element", "tuple", "bitcast", "while", "opt-barrier"}


class Instruction(NamedTuple):
    """An instruction; `sizes` are those of its result, of a tuple none."""

    name: str
    sizes: tuple[int, ...]
    operation: str
    operands: list[str]
    called: list[str]


class Program:
    """A program by its text."""

    def __init__(self, text: str) -> None:
        self._computations: dict[str, dict[str, Instruction]] = {}
        self._roots: dict[str, Instruction] = {}
        name = ""
        for line in text.splitlines():
            if begins := _COMPUTATION.match(line):
                name = begins[1]
                self._computations[name] = {}
            elif found := _INSTRUCTION.match(line):
                root, own, kind, operation, rest = found.groups()
                array = _ARRAY.match(kind)
                sizes = tuple(map(int, filter(None, array[1].split(",")))) if array else ()
                operands = re.findall(r"%([\w.-]+)", rest.partition(")")[0])
                instruction = Instruction(own, sizes, operation, operands, _CALLED.findall(rest))
                self._computations[name][own] = instruction
                if root:
                    self._roots[name] = instruction

    def loops(self) -> list[str]:
        """The bodies of all loops."""
        every = (each for computation in self._computations.values() for each in computation.values())
        return [called for each in every if each.operation == "while" for called in each.called]

    def made_whole(self, body: str) -> list[str]:
        """What a turn of a loop makes that is as long as an array of which a turn reads or writes one slice."""
        steps = set(self._sliced(body))
        return [
            f"{each.operation} {each.name} {list(sizes)}"
            for each in self._own(body)
            for sizes, in_place in self._results(each)
            if len(sizes) > 1 and sizes[0] in steps and not in_place
        ]

    def _own(self, name: str) -> Iterator[Instruction]:
        """The instructions of a computation and of those that it calls, fusions and nested loops left out."""
        for each in self._computations[name].values():
            yield each
            if each.operation in ("call", "conditional"):
                for called in each.called:
                    yield from self._own(called)

    def _sliced(self, name: str) -> Iterator[int]:
        """How many slices along the first axis the arrays have of which one is read or written."""
        for computation in self._with_fusions(name):
            for each in self._computations[computation].values():
                if each.operation in (_READ, _WRITE):
                    whole = self._computations[computation][each.operands[0]].sizes
                    if each.operation == _WRITE or each.sizes[0] == 1:
                        yield whole[0]

    def _with_fusions(self, name: str) -> Iterator[str]:
        """A computation and all that it calls, nested loops left out."""
        yield name
        for each in self._computations[name].values():
            if each.operation != "while":
                for called in each.called:
                    yield from self._with_fusions(called)

    def _results(self, each: Instruction) -> Iterator[tuple[tuple[int, ...], bool]]:
        """For each result of an instruction its sizes, and whether nothing is made but at most one slice of it."""
        if each.operation != "fusion":
            yield each.sizes, each.operation in _NAMES or each.operation == _WRITE
            return
        inner = self._computations[each.called[0]]
        root = self._roots[each.called[0]]
        for result in [inner[name] for name in root.operands] if root.operation == "tuple" else [root]:
            yield result.sizes, self._is_write(result, inner)

    def _is_write(self, result: Instruction, inner: dict[str, Instruction]) -> bool:
        """Whether a fusion's result is one of its arguments with one slice written."""
        while result.operation == "bitcast":
            result = inner[result.operands[0]]
        if result.operation != _WRITE:
            return result.operation == "parameter"
        return self._is_write(inner[result.operands[0]], inner)
