#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes header_slots.h: a multiplier under which all names of sip/header.h fall into slots of their
own. Run it after a change to the table: python3 header_slots.py > header_slots.h (the unit test of
headers fails until then)."""
import os
import random
import re

BITS = 9
MASK = (1 << 64) - 1
here = os.path.dirname(os.path.abspath(__file__))
table = open(os.path.join(here, "header.h")).read()
names = re.findall(r'X\((\w+), "([^"]+)"', table)


def key(name):
    """As name_key of header.c: both ends in lower case, and the length."""
    octets = name.encode()
    first = int.from_bytes(octets[:4], "little")
    last = int.from_bytes(octets[-4:], "little")
    return ((first | last << 32 | 0x2020202020202020) ^ (len(octets) * 0x9E3779B97F4A7C15)) & MASK


def place(keys, factor):
    slots = {}
    for ident, k in keys:
        slot = (k * factor & MASK) >> (64 - BITS)
        if slot in slots:
            return None
        slots[slot] = ident
    return slots


keys = [(ident, key(name)) for ident, name in names if len(name) >= 4]
rng = random.Random(1)
slots = None
while slots is None:
    factor = rng.getrandbits(64) | 1
    slots = place(keys, factor)
print("/* SPDX-License-Identifier: MIT")
print(" *")
print(" * Written by header_slots.py from the table of sip/header.h. Included by header.c alone. */")
print('#include "sip/header.h"')
print()
print(f"#define NAME_HASH_BITS   {BITS}")
print(f"#define NAME_HASH_FACTOR UINT64_C(0x{factor:016x})")
print()
print("static const uint8_t name_slots[1 << NAME_HASH_BITS] = {")
for slot in sorted(slots):
    print(f"    [{slot}] = SIP_HEADER_{slots[slot]},")
print("};")
