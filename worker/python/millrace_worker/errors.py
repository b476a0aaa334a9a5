"""What a handler raises, or returns in an item's place, to say what becomes of the job."""

import re


class Permanent(Exception):
    """The job would fail again: it ends failed. `code` is for programs, in snake_case."""

    def __init__(self, message, code="rejected"):
        super().__init__(message)
        self.code = code


class Retry(Exception):
    """The job may succeed later; counts as a failure. `after`: not sooner, in seconds."""

    def __init__(self, message="", after=None, code="retry"):
        super().__init__(message)
        self.code = code
        self.after = after


class Busy(Exception):
    """Nothing can be run now (a licence, a remote service): the job waits, which costs nothing."""

    def __init__(self, message="", after=None, code="busy"):
        super().__init__(message)
        self.code = code
        self.after = after


class Cancelled(Exception):
    """The item was given up because nobody waits for it any more."""

    code = "cancelled"


_KINDS = ((Permanent, "permanent"), (Busy, "rate_limited"), (Cancelled, "cancelled"))


def describe(error):
    """The members of a "failed" message for an exception. Any of no type above is a retry."""
    kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "retryable")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()
    failed = {"kind": kind, "code": getattr(error, "code", None) or name, "message": str(error)}
    if not isinstance(failed["code"], str):
        failed["code"] = name
    after = getattr(error, "after", None)
    if isinstance(error, (Retry, Busy)) and after is not None:
        failed["retry_after_ms"] = max(0, int(after * 1000))
    return failed
