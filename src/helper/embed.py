#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py IN OUT NAME: a C file with the bytes of a file as NAME and their number as NAME_size. They are aligned
as an object file has to be."""
import pathlib
import sys

source, target, name = sys.argv[1:]
data = pathlib.Path(source).read_bytes()
rows = (data[i:i + 16] for i in range(0, len(data), 16))
text = "\n".join("\t" + " ".join(f"{byte}," for byte in row) for row in rows)
pathlib.Path(target).write_text(
    f'#include "helper/{name}.h"\n\n'
    f"const unsigned char {name}[] __attribute__((aligned(8))) = {{\n{text}\n}};\n"
    f"const size_t {name}_size = sizeof({name});\n")
