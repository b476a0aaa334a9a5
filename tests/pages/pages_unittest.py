"""How the test of the pages reads a page."""

import textwrap
import unittest

from not_run import ALWAYS, SHARED, Row, row_for, stale_rows
from pages import anchor_of, commands_of, parse
from session import server_of


def page_of(text):
    return parse("page.md", textwrap.dedent(text))


class Pages(unittest.TestCase):
    def test_a_block_has_its_kind_and_its_line(self):
        page = page_of("""\
            # Title
            ## Use
            ```sh
            true
            ```

            ```json
            {}
            ```
            So:
            ```python shout.py
            pass
            ```
            """)
        self.assertEqual([(b.line, b.kind, b.name, b.heading, b.follows) for b in page.blocks],
                         [(4, "sh", "", "Use", False), (8, "json", "", "Use", True),
                          (12, "python", "shout.py", "Use", False)])
        self.assertEqual(page.problems, [])

    def test_blocks_must_declare_their_kind(self):
        for text in ("```\nls\n```\n", "```bash\nls\n```\n", "```sh\nls\n", "So:\n\n    ls\n"):
            self.assertTrue(page_of(text).problems, text)
        self.assertEqual(page_of("- one\n\n    more of it\n").problems, [])

    def test_python_has_a_name(self):
        self.assertTrue(page_of("```python\npass\n```\n").problems)

    def test_code_and_links_are_those_of_the_prose(self):
        page = page_of("[a](b.md#c) `millrace\nget ID` `[x](y)`\n```sh\n[q](r)\n```\n")
        self.assertEqual(page.links(), [(1, "b.md#c")])
        self.assertEqual(page.code()[0], (1, "millrace get ID"))

    def test_anchors_are_as_readers_make_them(self):
        self.assertEqual(anchor_of("Triton, KServe: the `V2`!", set()), "triton-kserve-the-v2")
        self.assertEqual(anchor_of("Use", {"use"}), "use-1")


class Commands(unittest.TestCase):
    def commands(self, text):
        block = page_of("```sh\n" + text + "```\n").blocks[0]
        return [(command.line, command.text) for command in commands_of(block)]

    def test_a_command_is_what_a_shell_would_run(self):
        self.assertEqual(self.commands("a\n\n# no\nb\n"), [(2, "a"), (5, "b")])
        self.assertEqual(self.commands("a \\\n  b\nc\n"), [(2, "a \\\n  b"), (4, "c")])
        self.assertEqual(self.commands("a '{\n}'\nc\n"), [(2, "a '{\n}'"), (4, "c")])
        self.assertEqual(self.commands("cat <<E\nx\nE\nc\n"), [(2, "cat <<E\nx\nE"), (5, "c")])
        loop = "for i in 1; do\n a\ndone"
        self.assertEqual(self.commands(loop + "\n"), [(2, loop)])

    def test_servers_are_known(self):
        for command in ("millrace up", "build/bin/millrace up --port 1", "cd x && millrace up",
                        "millrace-gateway --config x", "~/.cache/x/tritonserver --y"):
            self.assertIsNotNone(server_of(command), command)
        for command in ("millrace submit up", "millrace-worker --check-config",
                        "millrace up --help"):
            self.assertIsNone(server_of(command), command)


class Table(unittest.TestCase):
    TABLE = [Row("a.md", "make ", "why"), Row("b.md", "kill", "why", SHARED)]

    def test_a_row_keeps_a_command_from_running(self):
        self.assertEqual(row_for("a.md", "make test", True, self.TABLE).when, ALWAYS)
        self.assertIsNone(row_for("b.md", "make test", True, self.TABLE))
        self.assertIsNone(row_for("b.md", "kill 1", True, self.TABLE))
        self.assertIsNotNone(row_for("b.md", "kill 1", False, self.TABLE))

    def test_a_row_without_a_command_is_stale(self):
        self.assertEqual(stale_rows([("a.md", "make test")], self.TABLE), self.TABLE[1:])


if __name__ == "__main__":
    unittest.main()
