"""What a handler raises, or returns in an item's place, to say what becomes of the job."""

import math
import re

from .frames import whole

_TEXT_MAX = 2000  # Characters of a message: the worker keeps no more.
_CODE_MAX = 64
_AFTER_MAX = 366 * 24 * 3600  # Seconds.


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
    """The members of a "failed" message for an exception. Any of no type above is a retry. Never
    raises, whatever the exception is."""
    kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "retryable")
    failed = {"kind": kind, "code": _code_of(error), "message": _message_of(error)}
    after = _seconds(getattr(error, "after", None)) if isinstance(error, (Retry, Busy)) else None
    if after is not None:
        failed["retry_after_ms"] = int(after * 1000)
    return failed


def _code_of(error):
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()
    try:
        code = getattr(error, "code", None)
    except Exception:  # A property that raises.
        code = None
    if not isinstance(code, str) or not code:
        code = name
    return whole(code)[:_CODE_MAX].replace("\0", "\ufffd")


def _message_of(error):
    try:
        return whole(str(error)[:_TEXT_MAX])
    except Exception as why:
        return f"{type(error).__name__}, whose text cannot be read: {type(why).__name__}"


def _seconds(after):
    """A number or a timedelta as seconds; None for what is neither."""
    try:
        seconds = float(after.total_seconds() if hasattr(after, "total_seconds") else after)
    except Exception:
        return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), _AFTER_MAX)
