"""Checks that libfastio exports the public interface only: check_exports.py NM LIBRARY.

What it links statically (layers, header libraries) must stay hidden, or it would clash with the user's own copies.
"""

import re
import subprocess
import sys

PUBLIC = re.compile(r"^((vtable|typeinfo|typeinfo name|guard variable|VTT) for )?fastio::")
LAYER = re.compile(r"\bfastio::(core|device|table|wire|service|client)::")
# Templates of the C++ library that happen to be instantiated are weak and the same everywhere.
STANDARD = re.compile(r"^(.* )?(std|__gnu_cxx)::")


def main():
    nm, library = sys.argv[1:]
    lines = subprocess.run(
        [nm, "--dynamic", "--defined-only", "--demangle", library], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    symbols = [re.sub(r"^[0-9a-f]* *[A-Za-z] ", "", line) for line in lines]
    public = [symbol for symbol in symbols if PUBLIC.match(symbol) and not LAYER.search(symbol)]
    others = [symbol for symbol in symbols if symbol not in set(public) and not STANDARD.match(symbol)]
    print(f"{len(public)} public symbols; others: {len(others)}")
    print("\n".join(others))
    return 0 if public and not others else 1


if __name__ == "__main__":
    sys.exit(main())
