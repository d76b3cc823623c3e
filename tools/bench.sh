# Sourced by ./run: runs the benchmark programs and shows their figures as one table.
# shellcheck shell=bash

command_bench() {
    local filter=.
    while (($# > 0)); do
        case $1 in
            --filter)
                (($# > 1)) || die "bench: --filter takes a regular expression"
                filter=$2
                shift
                ;;
            *) die "bench: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    configure release
    build release src/all examples/all benchmarks/all

    local folder=$root/out/bench program name ran=0
    rm -rf "$folder"
    mkdir -p "$folder"
    for program in build/release/bin/*_bench; do
        name=$(basename "$program")
        [[ -x $program && $name =~ $filter ]] || continue
        ran=$((ran + 1))
        say "running $name"
        # Each program takes the options of Google Benchmark; the multi-process harness writes the same JSON.
        PATH=$root/build/release/bin:$PATH "$program" \
            --benchmark_out="$folder/$name.json" --benchmark_out_format=json >"$folder/$name.log" 2>&1 ||
            { cat "$folder/$name.log" >&2 && die "bench: $name failed"; }
    done
    ((ran > 0)) || die "bench: no benchmark program in build/release/bin matches '$filter'"
    python3 tools/bench_table.py "$folder"
    say "the raw figures are in out/bench"
}
