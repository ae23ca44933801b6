"""Scaling and the ends of a network: undone exactly, and the same after JSON."""

import json

import numpy as np
import pytest

from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling

SCALING = Scaling(np.array([1.0, -2.0]), np.array([4.0, 0.5]), np.array([3.0]), np.array([8.0]))
ENDS = Ends("real", 2, 1, SCALING, ("rain", "level"), ("level",), (1,), True, 44_100)


def test_scaling_is_an_affine_map_of_each_feature_in_float32():
    raw = np.array([[1, -2], [5, -1]], np.int16)
    scaled = SCALING.scale_inputs(raw)
    np.testing.assert_array_equal(scaled, [[0, 0], [1, 2]])
    assert scaled.dtype == np.float32


def test_scaled_targets_are_undone():
    raw = np.array([[3.0], [11.0], [-5.0]], np.float32)
    np.testing.assert_array_equal(SCALING.scale_targets(raw), [[0], [1], [-1]])
    np.testing.assert_array_equal(SCALING.undo_targets(SCALING.scale_targets(raw)), raw)


def test_an_offset_that_is_large_beside_the_scale_costs_no_digits():
    large = Scaling(np.array([1e6]), np.array([1e-2]), np.zeros(0), np.ones(0))
    np.testing.assert_allclose(large.scale_inputs(np.array([[1e6 + 1e-2]])), [[1.0]], rtol=1e-6)


@pytest.mark.parametrize("targets", [0, 2])
def test_the_identity_changes_nothing(targets):
    identity = Scaling.identity(3, targets)
    assert identity.is_identity
    assert not SCALING.is_identity
    np.testing.assert_array_equal(identity.scale_inputs(np.arange(6.0).reshape(2, 3)), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("ends", [ENDS, Ends("classes", 1, 2, Scaling.identity(1, 0), ("bit",), ("echo",))])
def test_ends_survive_json(ends):
    again = Ends.from_dict(json.loads(json.dumps(ends.to_dict())))
    assert again.to_dict() == ends.to_dict()
    assert (again.kind, again.residual_inputs, again.input_names) == (ends.kind, ends.residual_inputs, ends.input_names)
    assert again.scaling.input_scale_I.dtype == np.float64


def test_only_a_residual_head_adds_inputs():
    assert ENDS.residual_inputs == (1,)
    assert ENDS.with_residual(False).residual_inputs == ()
