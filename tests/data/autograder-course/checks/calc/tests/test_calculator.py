# SPDX-License-Identifier: Apache-2.0
import unittest

from calculator import Calculator


def marked(weight=None, number=None, visibility=None):
    def mark(method):
        method.weight, method.number, method.visibility = weight, number, visibility
        return method
    return mark


class TestCalculator(unittest.TestCase):
    @marked(1, "1.1")
    def test_add(self):
        """Adds"""
        self.assertEqual(Calculator().eval("1 + 2"), 3)

    @marked(2, "1.2")
    def test_parentheses(self):
        """Parentheses bind"""
        self.assertEqual(Calculator().eval("2 * (3 + 4)"), 14)

    @marked(1, "2.1", "hidden")
    def test_unary(self):
        """Minus may stand alone"""
        self.assertEqual(Calculator().eval("-(1 + 2)"), -3)

    @marked()
    def test_documented(self):
        """Has a docstring"""
        self.assertTrue(Calculator.__doc__)
