#!/usr/bin/env python3
"""What run.py computes from its measurements. Standard library only; `make conformance` runs it."""
import unittest

import run

PROFILE = """\
10 steps, 2.000 s

operator                 kernel                                   calls    seconds    share    GFLOP/s
Gemm                     matrix product                              60      0.800   40.0 %      100.0
Fused                    vector program                             120      0.600   30.0 %
Conv                     oneDNN convolution                          20      0.200   10.0 %      300.0
not in kernels                                                               0.400   20.0 %

the whole run                                                     times    seconds      CPU s
start of the program                                                  1      0.000      0.006
model read                                                            1      0.001      0.001
steps: the first                                                      1      0.250      0.500
steps: the others                                                     9      1.750      3.500
all                                                                          2.001      4.007
"""


class Tables(unittest.TestCase):
    def test_contractions(self):
        step, seconds, operations = run.contractions(PROFILE, 10)
        self.assertAlmostEqual(step, 0.2)
        self.assertAlmostEqual(seconds, 0.1)  # (0.8 + 0.2) / 10
        self.assertAlmostEqual(operations, 14)  # (0.8 * 100 + 0.2 * 300) / 10

    def test_floor(self):
        # 14e9 operations in 100 of 200 ms are 140 GFLOP/s, 70 % of a peak of 200, and half as much of the step
        self.assertEqual(run.floor_line("x", PROFILE, 10, 200), "| x | 200 | 100 | 50% | 140 | 70% | 35% |")

    def test_parts(self):
        parts = run.parts(PROFILE)
        self.assertEqual(list(parts)[0], "start of the program")
        self.assertEqual(parts["start of the program"], (0, 0.006))
        self.assertEqual(parts["steps: the first"], (0.25, 0.5))

    def test_line(self):
        medians = {"onnxtune": [300, 10, 0.5], "PyTorch": [100, 20, 3], "PyTorch, channels-last": [150, 21, 4],
                   run.ORT: [200, 30, 2]}
        row = "| x | 300 | 150 (channels-last) | 2.00 | 10 | 21 | 0.50 | 4.00 |"
        self.assertEqual(run.line("x", medians), row)
        self.assertEqual(run.line("x", medians, True), row + " 200 |")
        del medians[run.ORT]
        self.assertEqual(run.line("x", medians, True), row + " - |")


unittest.main()
