"""Compiles the C++ that a document shows: compile_snippets.py DOCUMENT FOLDER COMPILER [OPTION...].

Every ```cpp block becomes a function of its own in FOLDER/NAME.cpp, and so does every part of one that a comment starts
with "// in another process". `fill`, `use`, and the streams `mine` and `yours` stand for the reader's own code.
"""

import pathlib
import re
import subprocess
import sys

PREAMBLE = """#include <chrono>
#include <fastio/fastio.hpp>
using namespace std::chrono_literals;
template <class... Arguments> void fill(Arguments&&...) {}
template <class... Arguments> void use(Arguments&&...) {}
const fastio::Stream mine;
const fastio::Stream yours;
"""


def main():
    document, folder = map(pathlib.Path, sys.argv[1:3])
    blocks = re.findall(r"^```cpp\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    parts = [part for block in blocks for part in re.split(r"^// in another process.*$", block, flags=re.MULTILINE)]
    if not parts:
        print(f"{document} shows no C++")
        return 1
    source = PREAMBLE
    for number, part in enumerate(parts):
        includes = re.findall(r"^#include.*$", part, re.MULTILINE)
        body = re.sub(r"^#include.*$", "", part, flags=re.MULTILINE)
        source += "\n".join(includes) + f"\nvoid snippet_{number}() {{\n{body}\n}}\n"
    folder.mkdir(parents=True, exist_ok=True)
    unit = folder / f"{document.stem}.cpp"
    unit.write_text(source, encoding="utf-8")
    return subprocess.run([*sys.argv[3:], str(unit)]).returncode


if __name__ == "__main__":
    sys.exit(main())
