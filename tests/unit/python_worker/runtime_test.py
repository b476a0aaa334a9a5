"""The Python side of the process backend, against a worker that is played by the test."""

import asyncio
import contextlib
import dataclasses
import datetime
import decimal
import enum
import io
import json
import pathlib
import socket
import threading
import time
import unittest

from channel import LONG, Channel
from millrace_worker import Busy, Permanent, Retry
from millrace_worker.runtime import Runtime


class Worker(Channel):
    """A worker with a Runtime on a thread at the other end."""

    def __init__(self, handler, hello, **options):
        super().__init__(**hello)
        runtime = Runtime(self.other_end, handler, **options)

        def run():
            # The tracebacks of the handlers do not belong in the test's output.
            with contextlib.redirect_stderr(io.StringIO()), self.other_end:
                runtime.run()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        self.ready = self.receive()

    def cancel(self, item):
        self.send({"type": "cancel", "item": item, "reason": "cancelled"})

    def ends(self, items):
        """What became of each item, in order: its output, or kind and code."""
        ends = {}
        while len(ends) < len(items):
            message = self.receive()
            if message["type"] in ("done", "failed"):
                assert message["item"] not in ends, "reported twice"
                ends[message["item"]] = (message["output"] if message["type"] == "done" else
                                         f"{message['kind']} {message['code']}")
        return [ends[item] for item in items]

    def run(self, *inputs):
        return self.ends(self.start(*inputs))

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        self.thread.join(LONG)
        assert not self.thread.is_alive(), "the runtime did not end with its channel"
        super().close()


class RuntimeTest(unittest.TestCase):
    def worker(self, handler, hello=None, **options):
        worker = Worker(handler, hello or {}, **options)
        self.addCleanup(worker.close)
        return worker

    def test_names_the_models_that_it_serves(self):
        worker = self.worker(lambda batch, context: [], models=["a", "b"], batch_max=8)
        self.assertEqual(worker.ready, {"type": "ready", "protocol": 1, "models": ["a", "b"],
                                        "batch_max": 8})

    def test_one_model_may_be_a_word(self):
        self.assertEqual(self.worker(lambda batch, context: [], models="minilm").ready["models"],
                         ["minilm"])

    def test_warms_up_before_it_is_ready(self):
        seen = []
        self.worker(lambda batch, context: [], hello={"slot": 2, "device": "GPU-7"},
                    warmup=lambda context: seen.append((context.slot, context.device)))
        self.assertEqual(seen, [(2, "GPU-7")])

    def test_answers_a_batch_in_order(self):
        sizes = []

        def double(batch, context):
            sizes.append(len(batch))
            return [item.input * 2 for item in batch]

        worker = self.worker(double)
        self.assertEqual(worker.run(1, 2, 3), [2, 4, 6])
        self.assertEqual(worker.run(4), [8])
        self.assertEqual(sizes, [3, 1])

    def test_shows_the_job_to_the_handler(self):
        def show(batch, context):
            (item,) = batch
            return [[item.input, item.model, item.job, item.attempt, item.metadata,
                     0 < item.remaining <= 60]]

        self.assertEqual(self.worker(show).run({"x": 1}),
                         [[{"x": 1}, "m", "job_1", 1, {}, True]])

    def test_an_exception_in_the_list_is_one_items(self):
        outcomes = {"bad": Permanent("no", code="no_good"), "later": Retry("hm", after=1.5),
                    "busy": Busy(after=2), "odd": ValueError("x")}
        worker = self.worker(lambda batch, context: [outcomes.get(i.input, i.input) for i in batch])
        self.assertEqual(worker.run("bad", "fine", "later", "busy", "odd"),
                         ["permanent no_good", "fine", "retryable retry", "rate_limited busy",
                          "retryable value_error"])

    def test_says_how_long_to_wait(self):
        worker = self.worker(lambda batch, context: [Retry("hm", after=1.5)])
        worker.start(1)
        self.assertEqual(worker.receive()["retry_after_ms"], 1500)

    def test_finds_the_item_that_fails_its_batch(self):
        calls = []

        def fragile(batch, context):
            calls.append([item.input for item in batch])
            if "poison" in calls[-1]:
                raise ValueError("poison")
            return calls[-1]

        worker = self.worker(fragile)
        self.assertEqual(worker.run(1, 2, "poison", 4, 5, 6, 7, 8),
                         [1, 2, "retryable value_error", 4, 5, 6, 7, 8])
        self.assertLessEqual(len(calls), 7)  # 1 + 2 · log2(8)

    def test_a_batch_that_fails_whole_is_tried_a_bounded_number_of_times(self):
        calls = []

        def broken(batch, context):
            calls.append(len(batch))
            raise RuntimeError("device lost")

        self.assertEqual(self.worker(broken).run(*range(8)), ["retryable runtime_error"] * 8)
        self.assertEqual(len(calls), 15)

    def test_busy_and_retry_are_for_the_whole_batch(self):
        calls = []

        def busy(batch, context):
            calls.append(len(batch))
            raise Busy("no licence", after=1)

        self.assertEqual(self.worker(busy).run(1, 2, 3), ["rate_limited busy"] * 3)
        self.assertEqual(calls, [3])

    def test_does_not_run_items_again_whose_text_was_shown(self):
        calls = []

        def shows_then_fails(batch, context):
            calls.append([item.input for item in batch])
            if len(batch) == 1:
                return ["fine"]
            batch[0].partial("half of it")
            raise RuntimeError("x")

        self.assertEqual(self.worker(shows_then_fails).run("a", "b"),
                         ["retryable runtime_error", "fine"])
        self.assertEqual(calls, [["a", "b"], ["b"]])

    def test_a_generators_outputs_are_sent_one_by_one(self):
        proceed = threading.Event()

        def generate(batch, context):
            for item in batch:
                yield item.input
                proceed.wait(LONG)

        worker = self.worker(generate)
        worker.start("a", "b")
        self.assertEqual(worker.receive()["output"], "a")  # While the generator waits.
        proceed.set()
        self.assertEqual(worker.receive()["output"], "b")

    def test_a_generator_that_raises_keeps_what_it_yielded(self):
        def generate(batch, context):
            for item in batch:
                if item.input == "poison":
                    raise Permanent("no")
                yield item.input

        self.assertEqual(self.worker(generate).run("a", "poison", "b"),
                         ["a", "permanent rejected", "b"])

    def test_a_generator_that_yields_too_little_fails_the_rest(self):
        def generate(batch, context):
            yield "only"

        self.assertEqual(self.worker(generate).run(1, 2), ["only", "retryable type_error"])

    def test_a_generator_that_yields_too_much_fails(self):
        def tokens(batch, context):
            yield from ["Hel", "lo"]

        worker = self.worker(tokens)
        self.assertEqual(worker.run(1), ["retryable type_error"])  # "Hel" would be wrong.
        self.assertEqual(worker.run(1, 2), ["Hel", "lo"])

    def test_what_a_generator_does_after_its_last_output_costs_no_job(self):
        def generate(batch, context):
            yield from [item.input for item in batch]
            raise RuntimeError("in the end")

        self.assertEqual(self.worker(generate).run("a", "b"), ["a", "b"])

    def test_an_async_handler_is_named(self):
        async def handler(batch, context):
            return ["x"]

        async def generate(batch, context):
            yield "x"

        for wrong in (handler, generate):
            worker = self.worker(wrong)
            worker.start(1)
            self.assertIn("async", worker.receive()["message"])

    def test_models_are_names(self):
        ends = socket.socketpair()
        for wrong in ([1], ["a\0"], [""], [None]):
            with self.assertRaises(TypeError):
                Runtime(ends[0], print, models=wrong)
        for end in ends:
            end.close()

    def test_wrong_lists_fail(self):
        for wrong in ([], ["a", "b", "c"], {"a": 1}, "ab", None):
            worker = self.worker(lambda batch, context, wrong=wrong: wrong)
            self.assertEqual(worker.run(1), ["retryable type_error"], wrong)

    def test_items_may_end_themselves(self):
        def handler(batch, context):
            batch[1].done("second")
            batch[1].done("again")
            batch[0].fail(Permanent("no", "no"))

        self.assertEqual(self.worker(handler).run(1, 2), ["permanent no", "second"])

    def test_outputs_that_are_not_json_fail_alone(self):
        outputs = [float("nan"), object(), "fine"]
        self.assertEqual(self.worker(lambda batch, context: outputs).run(1, 2, 3),
                         ["permanent invalid_output", "permanent invalid_output", "fine"])

    def reason(self, output):
        """Why the worker was told that the output cannot be had."""
        worker = self.worker(lambda batch, context: [output])
        worker.start(1)
        message = worker.receive()
        self.assertEqual((message["kind"], message["code"]), ("permanent", "invalid_output"))
        return message["message"]

    def test_says_what_cannot_be_json_and_where(self):
        class Model:
            def model_dump(self):
                return {}

        class Hostile:
            def __getattr__(self, name):
                raise RuntimeError(name)

        @dataclasses.dataclass
        class Point:
            x: int

        circle = {"inner": []}
        circle["inner"].append(circle)
        deep = []
        for _ in range(100_000):
            deep = [deep]
        nan = float("nan")
        for output, expected in (
                ({"scores": [0.5, nan]}, "the output.scores[1] is nan"),
                ({"a": {"b": b"raw"}}, "the output.a.b is of type bytes"),
                ([{1, 2}], "the output[0] is of type set, which JSON cannot hold: list(…) can be"),
                (datetime.datetime(2026, 1, 1), "datetime.datetime, which JSON cannot hold: .iso"),
                (decimal.Decimal("1.1"), "decimal.Decimal"),
                (pathlib.Path("/x"), "str(…)"), (Point(1), "dataclasses.asdict"),
                (enum.Enum("Color", "red").red, ": .value can be"), (Model(), "model_dump"),
                (Hostile(), "Hostile"), (Point, "of type type"),
                ({(1, 2): 3}, "a key of type tuple: it must be a string"),
                ({nan: 1}, "the key nan"),
                (circle, "the output.inner[0] contains itself"), (deep, "nested too deeply"),
                ((i for i in [1]), "of type generator")):
            self.assertIn(expected, self.reason(output))

    def test_numbers_and_arrays_of_other_libraries_become_json(self):
        class Array:  # As numpy, torch and jax have it.
            def __init__(self, plain):
                self.plain = plain

            def tolist(self):
                return self.plain

        class Odd:
            def tolist(self):
                return self

        worker = self.worker(lambda batch, context: [
            {"vector": Array([1.5, 2.0]), "n": Array(3), "t": (1, 2), 1: True}])
        self.assertEqual(worker.run(1), [{"vector": [1.5, 2.0], "n": 3, "t": [1, 2], "1": True}])
        self.assertIn("the output.x[1] is nan", self.reason({"x": Array([1, float("nan")])}))
        self.assertIn("Odd", self.reason(Odd()))

    def test_outputs_keep_their_text_numbers_and_order(self):
        outputs = ["é\u2028\0\x1b", {"b": 1, "a": 2 ** 80, "c": [1e-7, -0.0]}, "", 0, False, [], {}]
        worker = self.worker(lambda batch, context: outputs)
        worker.start(*range(len(outputs)))
        for output in outputs:
            body = worker.receive_bytes()
            self.assertIn(json.dumps(output, ensure_ascii=False, separators=(",", ":")).encode(),
                          body)

    def test_halves_of_surrogate_pairs_become_text(self):
        outputs = ["caf\udce9", "\ud83d\ude00", {"\ude00": "\ud83d"}]
        worker = self.worker(lambda batch, context: outputs)
        self.assertEqual(worker.run(1, 2, 3), ["caf\ufffd", "\U0001F600", {"\ufffd": "\ufffd"}])

    def test_a_base_exception_does_not_end_the_process(self):
        class PanicException(BaseException):  # As pyo3 has it.
            pass

        def handler(batch, context):
            if batch[0].input == "panic":
                raise PanicException("called `Option::unwrap()` on a `None` value")
            if batch[0].input == "task":
                raise asyncio.CancelledError()
            return [PanicException("returned")]

        worker = self.worker(handler)
        for given, code in (("panic", "panic_exception"), ("task", "cancelled_error"),
                            ("return", "panic_exception")):
            self.assertEqual(worker.run(given), ["retryable " + code])

    def test_a_character_may_come_in_halves(self):
        def handler(batch, context):
            for text in ("a\ud83d", "", "\ude00b", "\ud83d", "c"):
                batch[0].partial(text)
            return ["fine"]

        worker = self.worker(handler)
        worker.start(1)
        self.assertEqual([worker.receive().get("text") for _ in range(4)],
                         ["a", "\U0001F600b", "\ufffdc", None])

    def test_describes_any_exception(self):
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("never")

        class Coded(Exception):
            @property
            def code(self):
                raise RuntimeError("never")

        numbered = OSError("x")
        numbered.code = 404
        failures = [Mute(), Coded("c"), ValueError("a\0b\udce9"), ValueError("x" * 50_000_000),
                    type("Ä b" + "Long" * 100, (Exception,), {})("y"), numbered,
                    Retry("r", after="soon"), Retry("r", after=float("nan")),
                    Busy("b", after=float("inf")), Busy("b", after=datetime.timedelta(seconds=2)),
                    Permanent("p", code=None), Exception()]
        worker = self.worker(lambda batch, context: failures)
        worker.start(*range(len(failures)))
        said = [worker.receive() for _ in failures]
        self.assertEqual([message["kind"] for message in said],
                         ["retryable"] * 8 + ["rate_limited"] * 2 + ["permanent", "retryable"])
        self.assertIn("RuntimeError", said[0]["message"])
        self.assertEqual(said[1]["code"], "coded")
        self.assertEqual(said[2]["message"], "a\0b\ufffd")
        self.assertEqual(len(said[3]["message"]), 2000)
        self.assertLessEqual(len(said[4]["code"]), 64)
        self.assertEqual(said[5]["code"], "oserror")
        self.assertNotIn("retry_after_ms", said[6])
        self.assertNotIn("retry_after_ms", said[7])
        self.assertGreater(said[8]["retry_after_ms"], 1e9)
        self.assertEqual(said[9]["retry_after_ms"], 2000)
        self.assertEqual(said[10]["code"], "permanent")

    def test_odd_progress_and_text_end_no_job(self):
        def handler(batch, context):
            item = batch[0]
            item.progress(float("nan"))
            item.progress(float("inf"), None)
            item.progress(0.5, "x" * 10_000_000)
            item.partial(None)
            item.partial("")
            item.partial("\0\udce9")
            item.partial("x" * 40_000)
            with self.assertRaises(TypeError):
                item.partial(b"bytes")
            return ["fine"]

        worker = self.worker(handler, hello={"output_bytes_max": 50_000})
        worker.start(1)
        said = [worker.receive() for _ in range(7)]
        self.assertEqual([message["type"] for message in said],
                         ["progress"] * 2 + ["partial"] * 4 + ["done"])
        self.assertEqual((said[0]["fraction"], said[0]["message"]), (1, ""))
        self.assertEqual(len(said[1]["message"]), 2000)
        self.assertEqual(said[2]["text"], "\0\ufffd")
        self.assertEqual("".join(message["text"] for message in said[3:6]), "x" * 40_000)
        worker = self.worker(handler)  # Of 10,000 bytes.
        worker.start(1)
        said = [worker.receive() for _ in range(5)]
        self.assertEqual(len(said[3]["text"]), 10_000 - 2)
        self.assertEqual(said[4]["type"], "done")

    def test_an_output_that_is_too_large_fails_alone(self):
        worker = self.worker(lambda batch, context: ["x" * item.input for item in batch],
                             hello={"output_bytes_max": 100})
        self.assertEqual(worker.run(200, 3), ["permanent output_too_large", "xxx"])

    def test_shows_progress_and_partial_text(self):
        def handler(batch, context):
            batch[0].progress(0.5, "half way")
            batch[0].partial("Hel")
            batch[0].done("Hello")
            batch[0].partial("too late")
            return ["Hello"]

        worker = self.worker(handler)
        worker.start(1)
        self.assertEqual([worker.receive() for _ in range(3)],
                         [{"type": "progress", "item": 1, "fraction": 0.5, "message": "half way"},
                          {"type": "partial", "item": 1, "text": "Hel"},
                          {"type": "done", "item": 1, "output": "Hello"}])
        self.assertEqual(worker.run(1), ["Hello"])  # Nothing came in between.

    def test_the_handler_sees_which_items_are_cancelled(self):
        def handler(batch, context):
            batch[0].partial("started")
            deadline = time.monotonic() + LONG
            while not batch[0].cancelled and time.monotonic() < deadline:
                threading.Event().wait(0.001)
            return [None if item.cancelled else "fine" for item in batch]

        worker = self.worker(handler)
        items = worker.start(1, 2)
        worker.receive()
        worker.cancel(items[0])
        self.assertEqual(worker.ends(items), ["cancelled cancelled", "fine"])

    def test_does_not_start_cancelled_items(self):
        calls = []

        def handler(batch, context):
            calls.append([item.input for item in batch])
            return ["fine"] * len(batch)

        worker = self.worker(handler)
        items = [worker.give("a"), worker.give("b")]
        worker.cancel(items[0])
        worker.send({"type": "run", "items": items})
        self.assertEqual(worker.ends(items), ["cancelled cancelled", "fine"])
        self.assertEqual(calls, [["b"]])

    def test_closes_a_generator_that_nobody_waits_for(self):
        closed = threading.Event()

        def generate(batch, context):
            try:
                for item in batch:
                    if item.input == "wait":
                        item.partial("waiting")
                    while item.input == "wait" and not item.cancelled:
                        threading.Event().wait(0.001)
                    yield item.input
            finally:
                closed.set()

        worker = self.worker(generate)
        items = worker.start("a", "wait", "b")
        self.assertEqual(worker.receive()["output"], "a")
        self.assertEqual(worker.receive()["text"], "waiting")  # Asked for the second already.
        worker.cancel(items[2])
        worker.cancel(items[1])
        self.assertEqual(worker.ends(items[1:]), ["wait", "cancelled cancelled"])
        self.assertTrue(closed.wait(LONG))

    def test_the_end_of_the_channel_cancels_running_items(self):
        seen = []

        def handler(batch, context):
            batch[0].partial("started")
            while not batch[0].cancelled:
                threading.Event().wait(0.001)
            seen.append(context.stopping)

        worker = self.worker(handler)
        worker.start(1)
        worker.receive()
        worker.close()
        self.assertEqual(seen, [True])

    def test_half_a_frame_at_the_end_is_dropped(self):
        worker = self.worker(lambda batch, context: ["fine"])
        worker.socket.sendall(b"\0\0\1\0{")
        worker.close()

    def test_takes_large_inputs(self):
        worker = self.worker(lambda batch, context: [len(item.input) for item in batch])
        self.assertEqual(worker.run("x" * 3_000_000, "y"), [3_000_000, 1])


if __name__ == "__main__":
    unittest.main()
