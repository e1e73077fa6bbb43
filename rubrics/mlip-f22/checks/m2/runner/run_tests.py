# SPDX-License-Identifier: Apache-2.0
"""Runs the team's unittest tests and writes a JUnit report: run_tests.py REPORT [FOLDER]

Fresh Debian has no pytest, and unittest writes no report of its own. Teams that use pytest call it with --junitxml instead.
"""
import sys
import time
import unittest
import xml.etree.ElementTree as xml


class Result(unittest.TextTestResult):
    """Remembers each test with its time and what became of it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cases = []

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def note(self, test, tag=None, text=""):
        case = xml.Element("testcase", classname=type(test).__module__ + "." + type(test).__name__, name=name_of(test),
                           time=f"{time.monotonic() - getattr(self, 'began', time.monotonic()):.3f}")
        if tag:
            xml.SubElement(case, tag, message=printable(text.strip().splitlines()[-1] if text.strip() else ""))
        self.cases.append(case)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, "failure", str(error[1]))

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, "error", str(error[1]))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.note(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failure", "was expected to fail")


def name_of(test):
    return getattr(test, "_testMethodName", str(test))


def printable(text):
    return "".join(character for character in text if character.isprintable())[:500]


def main():
    folder = sys.argv[2] if len(sys.argv) > 2 else "tests"
    suite = unittest.defaultTestLoader.discover(folder, top_level_dir=".")
    result = unittest.TextTestRunner(resultclass=Result, stream=sys.stdout).run(suite)
    root = xml.Element("testsuite", name="unittest", tests=str(len(result.cases)))
    root.extend(result.cases)
    xml.ElementTree(root).write(sys.argv[1], encoding="utf-8", xml_declaration=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
