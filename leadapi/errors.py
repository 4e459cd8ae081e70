"""What can go wrong, in the words of the house and without HTTP.

Rules raise these; error_responses is the one place that turns them into a status, a page or a JSON body. Each
carries a code for programs and one sentence for people: what is wrong, where, and how to mend it.
"""

from datetime import timedelta

from leadapi.languages import _


class AppError(Exception):
    """The root. `code` is stable and lower-case; `message` is one sentence for the person who sees it."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code


class InvalidInput(AppError):
    """A form or body is refused; `fields` maps a field's name to the sentence beside it."""

    code = "invalid"

    def __init__(self, message: str, fields: dict[str, str] | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.fields = fields or {}


class MalformedBody(AppError):
    """The body cannot be read as what its Content-Type says."""

    code = "malformed"


class UnsupportedMedia(AppError):
    """The Content-Type is none of ours."""

    code = "unsupported_media"


class TooLarge(AppError):
    """The body is larger than the limit."""

    code = "too_large"


class TooSlow(AppError):
    """The body did not arrive in time."""

    code = "too_slow"


class Forbidden(AppError):
    """A tampered link, or another site's form."""

    code = "forbidden"


class NotFound(AppError):
    """No such page, post, comment or file."""

    code = "not_found"


class Gone(AppError):
    """A link that was good once; `instead`: the address of a page that helps now, and what its button says."""

    code = "gone"

    def __init__(self, message: str, *, code: str | None = None, instead: tuple[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.instead = instead


class Conflict(AppError):
    """The same id was used before for something else."""

    code = "conflict"


class TooOften(AppError):
    """A rate limit is reached; `retry_after` is in seconds."""

    code = "too_often"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


NOT_REACHED = _("Nothing was saved: the service cannot reach its database just now. Please try again.")


class StoreUnavailable(AppError):
    """The database cannot be written or read just now; nothing was saved. `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(
        self,
        message: str = NOT_REACHED,
        retry_after: int = 5,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def site_unknown() -> StoreUnavailable:
    """What is raised while the service has never seen its site, and so cannot know which posts are there."""
    return StoreUnavailable(
        _("Nothing was saved: the service has not seen the blog's pages yet. Please try again in a minute."), 10
    )


class RefusedForGood(Exception):
    """What a delivery raises when trying again would change nothing; told to no visitor."""


class ReceiverRefused(RefusedForGood):
    """Refused for good, and so will be whatever else is sent to this address."""


class TryLater(Exception):
    """What a delivery raises when the receiver says how long to wait (Retry-After)."""

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait
