"""The one exception for what a user can cause and mend."""


class UserError(Exception):
    """A mistake in the input: one sentence with what was expected, what was got, and what to change.

    It takes the sentence and a code, the kind of mistake, `room.kind`, for example `config.unknown_key`: what programs
    and tests look at, while the sentence is for people. It has no `__init__` of its own, since AutoGraph makes only
    errors without one anew, from the sentence, when they leave a function that it has converted.
    """

    @property
    def code(self) -> str:
        """The kind of mistake."""
        return str(self.args[1]) if len(self.args) > 1 else "user.error"

    def __str__(self) -> str:
        """The sentence."""
        return str(self.args[0])
