"""The one exception for what a user can cause and mend."""


class UserError(Exception):
    """A mistake in the input: one sentence with what was expected, what was got, and what to change.

    Attributes:
        code: The kind of mistake, `room.kind`, for example `config.unknown_key`: what programs and tests look at, while
            the sentence is for people.
    """

    def __init__(self, sentence: str, code: str = "user.error") -> None:
        """Takes the sentence, and the kind of mistake."""
        super().__init__(sentence)
        self.code = code
