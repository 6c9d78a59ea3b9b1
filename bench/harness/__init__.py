# SPDX-License-Identifier: MIT
"""Measures SIP servers one after the other on the same cores; see docs/performance.md."""
