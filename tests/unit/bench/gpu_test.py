"""bench/gpu/through.py where it cannot run: it says what is missing, and fails."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
OTHERS = {"transformers": "", "gguf": "", "accelerate": ""}
NO_GPU = "class cuda:\n    is_available = staticmethod(lambda: False)\n"


class GpuTest(unittest.TestCase):
    def check(self, packages):
        """Runs the check with no packages but these: {name: source}."""
        with tempfile.TemporaryDirectory() as folder:
            for name, source in packages.items():
                with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as file:
                    file.write(source)
            return subprocess.run(
                [sys.executable, "-S", os.path.join(ROOT, "bench/gpu/through.py"), "--check",
                 "--model", "/nonexistent.gguf"],
                env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True)

    def test_names_the_packages_that_are_missing(self):
        result = self.check({"torch": ""})
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing was measured", result.stderr)
        self.assertIn("has no package transformers: pip install torch", result.stderr)

    def test_says_that_there_is_no_gpu(self):
        result = self.check({**OTHERS, "torch": NO_GPU})
        self.assertEqual(result.returncode, 1)
        self.assertIn("PyTorch sees no GPU", result.stderr)

    def test_says_that_there_is_no_model(self):
        result = self.check({**OTHERS, "torch": NO_GPU.replace("False", "True")})
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no /nonexistent.gguf", result.stderr)


if __name__ == "__main__":
    unittest.main()
