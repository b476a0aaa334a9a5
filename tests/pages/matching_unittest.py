"""What counts as the answer that a page prints."""

import unittest

from matching import differences, json_of, text_differences


def agree(printed, seen):
    return not list(differences(json_of(printed), seen))


class Values(unittest.TestCase):
    def test_numbers_and_ids_stand_for_each_other(self):
        self.assertTrue(agree('{"id": "job_…", "at": 17}', {"id": "job_01ab", "at": 4.5}))
        self.assertTrue(agree('"/v1/jobs/job_01/result"', "/v1/jobs/job_02/result"))
        self.assertFalse(agree('"job_01"', "wrk_01"))

    def test_texts_do_not(self):
        self.assertFalse(agree('{"status": "queued"}', {"status": "completed"}))
        self.assertTrue(agree('"…/result"', "/v1/jobs/x/result"))
        self.assertFalse(agree("true", False))
        self.assertFalse(agree('"1"', 1))

    def test_null_matches_any_value_and_the_reverse(self):
        self.assertTrue(agree('{"usage": null}', {"usage": {"total_tokens": 3}}))
        self.assertTrue(agree('{"usage": {"total_tokens": 3}}', {"usage": None}))

    def test_members_are_the_same(self):
        self.assertFalse(agree('{"a": 1}', {"a": 1, "b": 2}))
        self.assertFalse(agree('{"a": 1, "b": 2}', {"a": 1}))
        self.assertTrue(agree('{"a": 1, …}', {"a": 1, "b": 2}))
        self.assertFalse(agree('{"c": 1, …}', {"a": 1, "b": 2}))

    def test_lists_may_be_cut_short(self):
        self.assertTrue(agree("[1, …]", [1, 2, 3]))
        self.assertTrue(agree("[…]", []))
        self.assertFalse(agree("[1, 2]", [1]))
        self.assertFalse(agree('["a", …]', ["b"]))


class Lines(unittest.TestCase):
    def agree(self, printed, seen):
        return not list(text_differences(printed, seen))

    def test_numbers_and_gaps_do_not_count(self):
        self.assertTrue(self.agree("ran 12 ms  job_… done\n", "ran 3.5 ms job_01k7 done\n"))
        self.assertFalse(self.agree("ran 12 ms\n", "ran twelve ms\n"))

    def test_a_line_stands_for_any_lines(self):
        for seen in ("a\nb\n", "a\nx\nb\n", "a\nx\ny\nb\n"):
            self.assertTrue(self.agree("a\n…\nb\n", seen), seen)
        self.assertTrue(self.agree("a\n…\n", "a\n"))
        self.assertFalse(self.agree("a\n…\nb\n", "a\nx\n"))
        self.assertFalse(self.agree("a\nb\n", "a\nx\nb\n"))

    def test_a_server_prints_more(self):
        self.assertFalse(list(text_differences("a\nb\n", "x\na\nb\ny\n", in_between=True)))
        self.assertTrue(list(text_differences("a\nb\n", "x\na\ny\nb\n", in_between=True)))


if __name__ == "__main__":
    unittest.main()
