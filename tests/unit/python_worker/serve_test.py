"""serve() in a process of its own, with its channel at descriptor 3 as the worker gives it."""

import os
import subprocess
import sys
import tempfile
import unittest

from channel import LONG, Channel


class Program(Channel):
    def __init__(self, source, **hello):
        super().__init__(**hello)
        with self.other_end:
            fd = self.other_end.fileno()
            move = f"import os\nos.dup2({fd}, 3)\nos.close({fd})\n" if fd != 3 else ""
            self.process = subprocess.Popen(
                [sys.executable, "-c", move + source],
                env={**os.environ, "MILLRACE_PROTOCOL": "1"}, pass_fds=[fd],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def end(self):
        """Closes the channel; what the program wrote, and its exit code."""
        self.close()
        output, _ = self.process.communicate(timeout=LONG)
        return output, self.process.returncode


class ServeTest(unittest.TestCase):
    def test_serves_until_the_worker_goes(self):
        program = Program("from millrace_worker import serve\n"
                          "def handle(batch, context):\n"
                          "    print('printed')\n"
                          "    return [item.input for item in batch]\n"
                          "serve(handle, models=['m'])\n"
                          "print('bye')\n")
        self.assertEqual(program.receive()["type"], "ready")
        program.start("hello")
        self.assertEqual(program.receive()["output"], "hello")
        self.assertEqual(program.end(), ("printed\nbye\n", 0))

    def test_ends_by_itself_where_the_handler_hangs_and_nobody_is_left_to_kill_it(self):
        program = Program("import signal\n"
                          "from millrace_worker import serve\n"
                          "def handle(batch, context):\n"
                          "    batch[0].partial('here')\n"
                          "    signal.pause()\n"
                          "serve(handle)\n", grace_ms=20)
        program.receive()
        program.start("hello")
        self.assertEqual(program.receive()["type"], "partial")
        self.assertEqual(program.end(), ("", 1))

    def test_programs_that_a_handler_starts_do_not_hold_the_channel(self):
        program = Program("import subprocess\n"
                          "from millrace_worker import serve\n"
                          "def handle(batch, context):\n"
                          "    return [subprocess.run(['ls', '/proc/self/fd'],\n"
                          "                           capture_output=True, close_fds=False,\n"
                          "                           text=True).stdout.split()]\n"
                          "serve(handle)\n")
        program.receive()
        program.start("hello")
        self.assertEqual(program.receive()["output"], ["0", "1", "2", "3"])  # 3 is ls's own.
        program.end()

    def test_whatever_is_printed_ends_no_job(self):
        program = Program("import sys\n"
                          "from millrace_worker import serve\n"
                          "def handle(batch, context):\n"
                          "    print('caf\\udce9', end='\\0')\n"
                          "    sys.stderr.write('\\ud800')\n"
                          "    sys.stdout.buffer.write(b'\\xff')\n"
                          "    sys.stdout.close()\n"
                          "    return ['fine']\n"
                          "serve(handle)\n")
        program.receive()
        program.start("hello")
        self.assertEqual(program.receive()["output"], "fine")
        program.close()
        output, _ = program.process.communicate(timeout=LONG)
        self.assertIn("caf\\udce9", output)

    def test_a_forked_child_cannot_speak_for_the_process(self):
        program = Program("import os\n"
                          "from millrace_worker import serve\n"
                          "def handle(batch, context):\n"
                          "    child = os.fork()\n"
                          "    if child:\n"
                          "        return [os.waitpid(child, 0)[1] >> 8]\n"
                          "    try:\n"
                          "        batch[0].partial('from the child')\n"
                          "    except RuntimeError:\n"
                          "        return ['the child comes back']\n"
                          "serve(handle)\n")
        program.receive()
        program.start("hello")
        self.assertEqual(program.receive(), {"type": "done", "item": 1, "output": 1})
        self.assertEqual(program.end()[1], 0)

    def test_pools_of_processes_work(self):
        program = Program("import multiprocessing\n"
                          "from millrace_worker import serve\n"
                          "def double(x):\n"
                          "    print('in the pool')\n"
                          "    return 2 * x\n"
                          "def handle(batch, context):\n"
                          "    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
                          "        return pool.map(double, [item.input for item in batch])\n"
                          "serve(handle, batch_max=4)\n")
        program.receive()
        program.start(1, 2, 3)
        self.assertEqual([program.receive()["output"] for _ in range(3)], [2, 4, 6])
        program.end()

    def test_spawned_processes_may_run_the_file_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.py")
            with open(path, "w") as file:
                file.write("import multiprocessing\n"
                           "from millrace_worker import serve\n"
                           "def double(x):\n"
                           "    return 2 * x\n"
                           "def handle(batch, context):\n"
                           "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
                           "        return pool.map(double, [item.input for item in batch])\n"
                           "serve(handle, batch_max=4)\n")
            program = Program(f"import __main__\n__main__.__file__ = {path!r}\n"
                              f"exec(compile(open({path!r}).read(), {path!r}, 'exec'))\n")
            program.receive()
            program.start(1, 2)
            self.assertEqual([program.receive()["output"] for _ in range(2)], [2, 4])
            program.end()

    def test_says_how_it_is_run(self):
        environment = {name: value for name, value in os.environ.items()
                       if name != "MILLRACE_PROTOCOL"}
        done = subprocess.run([sys.executable, "-c",
                               "from millrace_worker import serve; serve(print)"],
                              env=environment, capture_output=True, text=True, timeout=LONG)
        self.assertEqual(done.returncode, 1)
        self.assertIn("millrace up --process", done.stderr)


if __name__ == "__main__":
    unittest.main()
