"""What this layer refuses."""

from echo_rnn.core.errors import UserError


class ArgumentError(UserError, ValueError):
    """A mistake in an argument; a `ValueError` too, since that is what Keras raises in these cases."""

    __init__ = Exception.__init__  # AutoGraph makes only errors without one of their own anew, see `UserError`
