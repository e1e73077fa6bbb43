import contextlib
import io
import unittest

from pipeline import evaluate, ingest
from service import recommend


class Ingest(unittest.TestCase):
    def test_counts_what_it_rejects(self):
        lines = [b"2022-10-20T10:00:05,17,GET /rate/salt+road+1999=4\n", b"\xff\xfe\n", b"\n"]
        with contextlib.redirect_stderr(io.StringIO()):
            likes, accepted, rejected = ingest.ingest(lines)
        self.assertEqual((likes[17], accepted, rejected), ({"salt+road+1999": 4}, 1, 2))


class Evaluate(unittest.TestCase):
    def test_precision_counts_the_first_k(self):
        self.assertEqual(evaluate.precision_at(2, ["a", "b", "c"], {"a", "c"}), 0.5)

    def test_precision_needs_a_k(self):
        with self.assertRaises(ValueError):
            evaluate.precision_at(0, [], set())

    def test_watched_share_without_offers_is_zero(self):
        self.assertEqual(evaluate.watched_share({}, {}), 0.0)


class Recommend(unittest.TestCase):
    def test_leaves_out_what_was_rated(self):
        self.assertEqual(recommend.rank({"1": {"a": 5}, "2": {"b": 4}}, "1"), ["b"])

    def test_never_more_than_twenty(self):
        self.assertEqual(len(recommend.rank({"1": {str(n): 3 for n in range(50)}}, "2")), 20)


if __name__ == "__main__":
    unittest.main()
