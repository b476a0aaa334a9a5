"""One job of a batch, as a handler sees it."""

import math
import threading
import time

from .errors import Cancelled, Permanent, describe
from .frames import whole
from .outputs import encode_output

_PIECE_MAX = 16_384  # Characters of one message of text: a frame holds it, whatever they are.
_TEXT_MAX = 2000  # Characters of a progress message.


class Item:
    """A job to run: its input, and ways to say how it goes. Methods may be called from any thread.

    input      what the job asks for, parsed JSON
    model      the name by which it asked
    metadata   what its client noted about it
    job        its id
    attempt    which try this is, from 1
    """

    def __init__(self, message, writer, output_bytes_max):
        self.input = message["input"]
        self.model = message["model"]
        self.metadata = message.get("metadata") or {}
        self.job = message["job"]
        self.attempt = message["attempt"]
        self._id = message["item"]
        self._deadline = time.monotonic() + message["remaining_ms"] / 1000
        self._writer = writer
        self._output_bytes_max = output_bytes_max
        self._lock = threading.RLock()
        self._over = False
        self._shown = 0  # Characters of text.
        self._half = ""  # Of a surrogate pair, at the end of the text so far.
        self._cancelled = False

    @property
    def cancelled(self):
        """Nobody waits for it any more: stop as soon as the model allows, and return None for it.
        An output that is returned all the same is the job's: it completes."""
        return self._cancelled

    @property
    def over(self):
        """done() or fail() has been called."""
        return self._over

    @property
    def remaining(self):
        """Seconds until its deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def progress(self, fraction, message=""):
        """How much is done, from 0 to 1, and what is being done. NaN says nothing."""
        fraction = float(fraction)
        if math.isnan(fraction):
            return
        message = "" if message is None else str(message)[:_TEXT_MAX]
        self._say({"type": "progress", "fraction": min(max(fraction, 0.0), 1.0),
                   "message": message})

    def partial(self, text):
        """Output to show before the end; is added to what was shown before. None and "" add
        nothing. Once some is shown, a failure of the whole batch fails this item: what is shown
        cannot be taken back. No more is shown than an output may have."""
        if text is None:
            return
        if not isinstance(text, str):
            raise TypeError(f"partial() takes text, not {type(text).__name__}")
        with self._lock:
            text = self._half + text[:max(0, self._output_bytes_max - self._shown)]
            self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
            text = text[:len(text) - len(self._half)]
            self._shown += len(text)
            if len(text) > _PIECE_MAX:
                text = whole(text)  # No piece ends within a pair.
            for begin in range(0, len(text), _PIECE_MAX):
                self._say({"type": "partial", "text": text[begin:begin + _PIECE_MAX]})

    def done(self, output):
        """Ends the item before its batch is over. `output` is what JSON can hold, but not None;
        numbers and arrays of numpy and torch become numbers and lists."""
        if output is None:
            self.fail(TypeError("the handler returned None for this item"))
            return
        try:
            body = encode_output(output)
        except ValueError as error:
            self.fail(Permanent(str(error), "invalid_output"))
            return
        if len(body) > self._output_bytes_max:
            self.fail(Permanent(f"the output has {len(body)} bytes, more than the "
                                f"{self._output_bytes_max} that worker.output_bytes_max allows",
                                "output_too_large"))
            return
        if self._end():
            self._writer.send_json(b'{"type":"done","item":%d,"output":%s}' % (self._id, body))

    def fail(self, error):
        """Ends the item with an exception: Permanent, Busy, or any other, which is retried."""
        if self._end():
            # `type` and `item` come first: the worker reads only the beginning of a message that is
            # too long.
            self._writer.send({"type": "failed", "item": self._id, **describe(error)})

    def _say(self, message):
        with self._lock:
            if not self._over:
                self._writer.send({**message, "item": self._id})

    def _end(self):
        with self._lock:
            is_first = not self._over
            self._over = True
        return is_first

    def _cancel(self):
        self._cancelled = True

    def _give_up(self):
        self.fail(Cancelled("nobody waits for it any more"))

    def _settle(self, output):
        """What the handler made of the item: an output, or an exception in its place."""
        if isinstance(output, BaseException):
            self.fail(output)
        elif output is None and self._cancelled:
            self._give_up()
        else:
            self.done(output)
