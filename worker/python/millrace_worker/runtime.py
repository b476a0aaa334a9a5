"""The loop around a handler: takes batches from the worker, and what becomes of them back."""

import inspect
import os
import queue
import socket
import sys
import threading
import traceback

from .errors import Busy, Retry
from .frames import Writer, read_messages
from .item import Item

PROTOCOL = 1
CHANNEL = 3  # The file descriptor, given by the worker.


class Context:
    """The same for all batches of this process.

    slot       which of the worker's processes this is, from 0
    device     its entry of backend.process.devices, or None
    batch_max  as given to serve()
    """

    def __init__(self, hello, batch_max):
        self.slot = hello["slot"]
        self.device = hello.get("device")
        self.batch_max = batch_max
        self._stopping = threading.Event()

    @property
    def stopping(self):
        """The worker is about to end this process: nothing that runs is waited for any more."""
        return self._stopping.is_set()


def serve(handler, *, models=(), batch_max=1, warmup=None):
    """Runs jobs until the worker ends this process. Load the model before the call, or in `warmup`.

    handler(batch, context) gets a list of Items and returns, or yields one by one, an output for
    each, in their order. An exception in place of an output fails that item alone. One that is
    raised makes the runtime try the halves of the batch by themselves, and so on, until it is clear
    whose it is; Busy and Retry, raised, are for the whole batch. sys.exit() ends the process, and
    the worker starts another. In a process that multiprocessing spawns, serve() does nothing.

    models     names by which jobs ask for it, unless backend.process.models says others
    batch_max  the most items in one call
    warmup     called with the context before the first batch
    """
    if _is_imported_by_a_child():
        return
    if os.environ.get("MILLRACE_PROTOCOL") != str(PROTOCOL):
        sys.exit("This program runs jobs for Millrace and is started by its worker, which speaks "
                 f"protocol {PROTOCOL}: millrace up --process \"python3 {sys.argv[0]}\"")
    # What is printed goes to the worker's log, line by line, and no character of it ends a job.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    with socket.socket(fileno=CHANNEL) as channel:
        channel.set_inheritable(False)
        Runtime(channel, handler, models, batch_max, warmup).run()


def _is_imported_by_a_child():
    """A process that multiprocessing spawns runs the program's file again, for its functions."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and getattr(module.current_process(), "_inheriting", False)


class Runtime:
    """serve() on any connected socket."""

    def __init__(self, channel, handler, models=(), batch_max=1, warmup=None):
        self._messages = read_messages(channel.makefile("rb"))
        self._writer = Writer(channel)
        self._handler = handler
        models = [models] if isinstance(models, str) else list(models)
        for model in models:
            if not isinstance(model, str) or not model or "\0" in model:
                raise TypeError(f"models must be names, not {model!r}")
        self._ready = {"type": "ready", "protocol": PROTOCOL, "models": models,
                       "batch_max": batch_max}
        self._batch_max = batch_max
        self._warmup = warmup
        self._items = {}  # Those that came and are not over, by id.
        self._batches = queue.Queue()  # The worker sends one at a time; None: no more.

    def run(self):
        hello = next(self._messages, None)
        if hello is None:
            return
        self._hello = hello
        self._context = Context(hello, self._batch_max)
        if self._warmup is not None:
            self._warmup(self._context)
        self._writer.send(self._ready)
        threading.Thread(target=self._listen, name="millrace", daemon=True).start()
        while (batch := self._batches.get()) is not None:
            self._run([item for item in batch if not item.over])
            for item in batch:
                self._items.pop(item._id, None)

    def _listen(self):
        try:
            for message in self._messages:
                self._take(message)
        finally:
            self._stop()

    def _take(self, message):
        if message["type"] == "item":
            item = Item(message, self._writer, self._hello["output_bytes_max"])
            self._items[message["item"]] = item
        elif message["type"] == "run":
            self._batches.put([self._items[item] for item in message["items"]])
        elif message["type"] == "cancel" and message["item"] in self._items:
            self._items[message["item"]]._cancel()

    def _stop(self):
        self._context._stopping.set()
        for item in list(self._items.values()):
            item._cancel()
        self._batches.put(None)
        # The worker kills a process that does not end; this is for one whose worker is gone.
        timer = threading.Timer(self._hello["grace_ms"] / 1000, os._exit, [1])
        timer.daemon = True
        timer.start()

    def _run(self, items):
        """Calls the handler, in halves again where it fails, at most 2 · len(items) times."""
        for item in items:
            if item.cancelled:
                item._give_up()
        items = [item for item in items if not item.over]
        if not items:
            return
        try:
            self._call(items)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Panics of Rust's libraries and cancelled tasks too.
            self._end_if_forked()
            self._sort_out(items, error)

    def _call(self, items):
        outputs = self._handler(items, self._context)
        self._end_if_forked()
        if not inspect.isgenerator(outputs):
            outputs = self._checked(items, outputs)
        outputs = iter(outputs)
        for count, item in enumerate(items):
            if item.cancelled and all(later.cancelled for later in items[count:]):
                outputs = None  # A generator is closed where it stands.
                self._end_unanswered(items[count:], count)
                return
            try:
                output = next(outputs)
                self._end_if_forked()
            except StopIteration:
                self._end_unanswered(items[count:], count)
                return
            if count + 1 == len(items):
                output = self._last(items, outputs, output)
            if not item.over:
                item._settle(output)

    def _last(self, items, outputs, output):
        """The last output, when the generator has ended: with more to come, nobody knows whose any
        of them is. A generator that yields tokens would complete with its first."""
        try:
            if next(outputs, self) is self:
                return output
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # All is said: what it does after that is its own affair.
            traceback.print_exception(type(error), error, error.__traceback__)
            return output
        return TypeError(f"the handler yielded more outputs than the {len(items)} items of its "
                         "batch: yield one for each; item.partial() shows text before the end")

    def _end_if_forked(self):
        """A child that a handler forked came back here, as if it were the process itself."""
        if not self._writer.is_ours:
            os._exit(1)

    def _checked(self, items, outputs):
        if outputs is None:
            return []  # Fine where each item was ended by done() or fail().
        if inspect.iscoroutine(outputs) or inspect.isasyncgen(outputs):
            if inspect.iscoroutine(outputs):
                outputs.close()
            raise TypeError("the handler is async: give serve() an ordinary function that "
                            "calls asyncio.run(…)")
        if not isinstance(outputs, (list, tuple)) or len(outputs) != len(items):
            what = (f"{len(outputs)} outputs" if isinstance(outputs, (list, tuple))
                    else type(outputs).__name__)
            raise TypeError(f"the handler returned {what} for a batch of {len(items)}: it must "
                            "return a list with one output for each item")
        return outputs

    def _end_unanswered(self, items, count):
        for item in items:
            if item.cancelled:
                item._give_up()
            else:
                item.fail(TypeError(f"the handler ended after {count} outputs, without this item's"))

    def _sort_out(self, items, error):
        """The handler raised: for all, or for one whose neighbours must not fail with it."""
        rest = [item for item in items if not item.over]
        if not isinstance(error, (Busy, Retry)) and not all(item.cancelled for item in rest):
            traceback.print_exception(type(error), error, error.__traceback__)
        for item in rest:
            if item.cancelled:
                item._give_up()
            elif len(items) == 1 or item._shown or isinstance(error, (Busy, Retry)):
                item.fail(error)
        rest = [item for item in rest if not item.over]
        middle = (len(rest) + 1) // 2
        for half in (rest[:middle], rest[middle:]):
            self._run(half)
