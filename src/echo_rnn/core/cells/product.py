"""Matrix products of a cell: with the weights of one layer, or of several layers, stacked or in columns.

Each can be done in a narrower precision than that of its arguments: they are rounded and multiplied, and the result has
their precision again. So sums over time steps and the batch, which lose most in few digits, are never narrow.
"""

import tensorflow as tf

# Above this many multiplications a call of a matrix library is faster for a stacked product.
_FUSED = 2**15
# A cell's axis in columns.
_COLUMNS = -2
# Assumed where a graph is made before the batch size is known: Keras's default.
_BATCH_SIZE = 32


def product(x: tf.Tensor, w: tf.Tensor, precision: tf.DType | None = None) -> tf.Tensor:
    """`x [..., I]` times `w [I, G]`.

    Stacked `x [L, B, I]` times `w [L, I, G]`, in columns `x [I, X]` times `w [I, G, X]`. A small stacked product,
    and any in columns, is written as multiply-and-reduce, which XLA fuses with the operations around it; a batched
    matrix product would be a call for each layer.

    Args:
        x: The input.
        w: The weights.
        precision: The dtype of the multiplication, or `None` for that of the arguments.
    """
    narrow_x, narrow_w = _narrow(precision, x, w)
    return tf.cast(_product(narrow_x, narrow_w), x.dtype)


def back_product(d: tf.Tensor, w: tf.Tensor, precision: tf.DType | None = None) -> tf.Tensor:
    """The gradient of `product(x, w)` with respect to x: `d [..., G]` times the transpose of `w`."""
    back = tf.transpose(w, (1, 0, 2)) if _in_columns(d, w) else tf.linalg.matrix_transpose(w)
    return product(d, back, precision)


def weight_gradient(x_T: tf.Tensor, d_T: tf.Tensor, precision: tf.DType | None, axis: int) -> tf.Tensor:
    """The gradient of `product(x, w)` with respect to w, summed over time in one product over T·B.

    Args:
        x_T: `[T, B, I]`, stacked `[T, L, B, I]`, in columns `[T, I, X]`.
        d_T: The incoming gradient, `[T, B, G]`, `[T, L, B, G]` or `[T, G, X]`.
        precision: As for `product`.
        axis: That of the cell.
    """
    if axis == _COLUMNS:
        narrow_x, narrow_d = _narrow(precision, x_T, d_T)
        return tf.cast(tf.reduce_sum(narrow_x[:, :, None] * narrow_d[:, None], axis=0), d_T.dtype)
    if x_T.shape.rank == 4:
        # Layers first, so that time and batch can be reshaped to one axis.
        x_T, d_T = tf.transpose(x_T, (1, 0, 2, 3)), tf.transpose(d_T, (1, 0, 2, 3))
    features = x_T.shape[-1]
    if features == 1:
        # XLA would fuse a product with a vector into its consumer and read `d_T` against its layout, for a fifth of a
        # training step of a large layer. With a matrix it calls a matrix library.
        x_T = tf.pad(x_T, [*[(0, 0)] * (x_T.shape.rank - 1), (0, 1)])
    stacked = x_T.shape[:-3]
    x_X, d_X = (tf.reshape(part, (*stacked, -1, part.shape[-1])) for part in _narrow(precision, x_T, d_T))
    return tf.cast(tf.matmul(x_X, d_X, transpose_a=True)[..., :features, :], d_T.dtype)


def bias_gradient(bias: tf.Tensor, d_T: tf.Tensor, axis: int, row: int = 0) -> tf.Tensor:
    """The gradient of a bias, or of one row of two, which is added at every step and batch row.

    Args:
        bias: `[G]` or `[2, G]`, stacked `[L, 1, G]` or `[2, L, 1, G]`, in columns `[G, X]` or `[2, G, X]`.
        d_T: As for `weight_gradient`.
        axis: That of the cell.
        row: The row that was added, where there are two.
    """
    if axis == _COLUMNS:
        d_bias = tf.reduce_sum(d_T, axis=0)
    elif d_T.shape.rank == 4:
        d_bias = tf.reduce_sum(d_T, axis=(0, 2), keepdims=True)[0]
    else:
        d_bias = tf.reduce_sum(d_T, axis=(0, 1))
    if bias.shape.rank == d_bias.shape.rank:
        return d_bias
    rows = [tf.zeros_like(d_bias)] * 2
    rows[row] = d_bias
    return tf.stack(rows)


def _narrow(precision: tf.DType | None, *tensors: tf.Tensor) -> list[tf.Tensor]:
    return [tf.cast(tensor, precision or tensor.dtype) for tensor in tensors]


def _in_columns(x: tf.Tensor, w: tf.Tensor) -> bool:
    return bool(x.shape.rank == 2 and w.shape.rank == 3)


def _product(x: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    if _in_columns(x, w):
        return tf.reduce_sum(w * x[:, None], axis=0)
    if w.shape.rank == 3:
        layers, batch_size, features = x.shape
        if layers * (batch_size or _BATCH_SIZE) * features * w.shape[-1] <= _FUSED:
            return tf.reduce_sum(x[..., None] * w[:, None], axis=-2)
        return x @ w
    # As one flat product its gradient is one as well; of a batched one it would be a product for each time step.
    return x @ w if x.shape.rank == 2 else tf.tensordot(x, w, 1)
