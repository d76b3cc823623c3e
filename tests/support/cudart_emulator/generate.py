#!/usr/bin/env python3
"""Writes what the emulator takes from the toolkit that it replaces.

    generate.py names DRIVER_TYPES_H CUDA_H OUTPUT       the codes of both headers
    generate.py unmodelled LIBCUDART NM OUTPUT OBJECT... the exported names that no object defines

The second fails if an object defines a name in the runtime's manner that the real library does not export: a program
that calls it would work here and nowhere else.
"""

import pathlib
import re
import subprocess
import sys

OWN = re.compile(r"^cudaEmu\w+$")
RUNTIME = re.compile(r"^(__)?cuda[A-Z]\w*$")


def enumerators(path, enum, prefix):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    body = re.search(rf"enum\s+(?:__device_builtin__\s+)?{enum}\s*\{{(.*?)\}}", text, re.S).group(1)
    return re.findall(rf"\b({prefix}\w+)\s*=\s*(\d+)", body)


def write_names(driver_types, cuda, output):
    lists = [
        ("kErrorNames", "runtime", enumerators(driver_types, "cudaError", "cuda")),
        ("kDriverErrorNames", "driver", enumerators(cuda, "cudaError_enum", "CUDA_")),
    ]
    with open(output, "w", encoding="utf-8") as file:
        file.write(
            '// Written by generate.py.\n#include "support/cudart_emulator/error_names.hpp"\n\nnamespace emulator {\n'
        )
        for variable, array, names in lists:
            file.write(f"\nstatic constexpr ErrorName {array}_names[] = {{\n")
            file.writelines(f'    {{{code}, "{name}"}},\n' for name, code in names)
            file.write(f"}};\nconst std::span<const ErrorName> {variable}{{{array}_names}};\n")
        file.write("\n}  // namespace emulator\n")


def defined(nm, files, *options):
    lines = subprocess.run(
        [nm, *options, "--defined-only", "--format=posix", *files], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {line.split("@")[0].split(" ")[0] for line in lines}


def write_unmodelled(library, nm, output, objects):
    real = {name for name in defined(nm, [library], "--dynamic") if RUNTIME.match(name)}
    modelled = {name for name in defined(nm, objects) if RUNTIME.match(name)}
    unknown = sorted(name for name in modelled - real if not OWN.match(name))
    if unknown:
        sys.exit(f"{library} does not export: {', '.join(unknown)}")
    with open(output, "w", encoding="utf-8") as file:
        file.write(
            '// Written by generate.py.\nextern "C" {\n[[noreturn]] void emulator_unmodelled(const char* name);\n'
        )
        for name in sorted(real - modelled):
            file.write(f'void {name}() {{ emulator_unmodelled("{name}"); }}\n')
        file.write("}\n")


if __name__ == "__main__":
    if sys.argv[1] == "names":
        write_names(*sys.argv[2:5])
    else:
        write_unmodelled(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
