import unittest

from pipeline import events


class Parse(unittest.TestCase):
    def test_reads_a_rating(self):
        self.assertEqual(events.parse("2022-10-20T10:00:05,17,GET /rate/salt+road+1999=4"), ("rate", 17, "salt+road+1999", 4))

    def test_reads_a_time_without_seconds(self):
        self.assertEqual(events.parse("2022-10-20T10:00,17,GET /data/m/salt+road+1999/3.mpg").number, 3)

    def test_passes_over_requests(self):
        line = "2022-10-20T10:00:01,17,recommendation request h:8082, status 200, result: a+1999, 12 ms"
        self.assertIsNone(events.parse(line))

    def test_refuses_a_rating_out_of_range(self):
        with self.assertRaises(ValueError):
            events.parse("2022-10-20T10:00:05,17,GET /rate/salt+road+1999=9")

    def test_refuses_a_blank_in_the_time(self):
        with self.assertRaises(ValueError):
            events.parse("2022-10-20T10:00: 5,17,GET /rate/salt+road+1999=4")

    def test_refuses_user_zero(self):
        with self.assertRaises(ValueError):
            events.parse("2022-10-20T10:00:05,0,GET /rate/salt+road+1999=4")


if __name__ == "__main__":
    unittest.main()
