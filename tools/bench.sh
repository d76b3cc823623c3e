# Sourced by ./run: runs the benchmark programs and shows their figures as tables.
# shellcheck shell=bash

# run_benchmark PROGRAM FOLDER: *_process_bench is the multi-process harness with options and a table of its own, the
# others are Google Benchmark programs, each case five times.
run_benchmark() {
    local program=$1 folder=$2 name
    name=$(basename "$program")
    say "running $name"
    if [[ $name == *_process_bench ]]; then
        "$program" --json "$folder/$name.json"
        return
    fi
    if ! "$program" --benchmark_repetitions=5 --benchmark_out="$folder/$name.json" --benchmark_out_format=json \
        >"$folder/$name.log" 2>&1; then
        cat "$folder/$name.log" >&2
        return 1
    fi
    python3 tools/bench_table.py "$folder/$name.json"
}

# Fast I/O beside its peers, which only this needs, in a virtual environment of their own.
run_peers_benchmark() {
    local folder=$1 peers=$root/build/venv-peers wanted
    wanted=$(cat benchmarks/peers/requirements.txt)
    if [[ ! -f $peers/installed || $(<"$peers/installed") != "$wanted" ]]; then
        say "installing into build/venv-peers: $(sed -n 's/[=>]=.*//p' <<<"$wanted" | tr '\n' ' ')"
        /usr/bin/python3 -m venv --clear "$peers"
        "$peers/bin/python" -m pip install --quiet --disable-pip-version-check -r benchmarks/peers/requirements.txt
        printf '%s' "$wanted" >"$peers/installed"
    fi
    say "running peers_bench"
    PYTHONPATH=$root/build/release/python FASTIO_BIN=$root/build/release/bin \
        "$peers/bin/python" benchmarks/peers/peers_bench.py --json "$folder/peers_bench.json"
}

command_bench() {
    local filter=. peers=no
    while (($# > 0)); do
        case $1 in
            --filter)
                (($# > 1)) || die "bench: --filter takes a regular expression"
                filter=$2
                shift
                ;;
            --peers) peers=yes ;;
            *) die "bench: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    local options
    mapfile -t options < <(python_options)
    configure release "${options[@]}"
    local folder=$root/out/bench program ran=0 failed=()
    rm -rf "$folder"
    mkdir -p "$folder"
    if [[ $peers == yes ]]; then
        build release src/all fastio_python
        run_peers_benchmark "$folder"
        say "the raw figures are in out/bench"
        return
    fi
    build release src/all examples/all benchmarks/all fastio_python
    export PATH=$root/build/release/bin:$PATH
    for program in build/release/bin/*_bench; do
        [[ -x $program && $(basename "$program") =~ $filter ]] || continue
        ran=$((ran + 1))
        run_benchmark "$program" "$folder" || failed+=("$(basename "$program")")
    done
    if [[ python_bench =~ $filter ]]; then
        ran=$((ran + 1))
        say "running python_bench"
        PYTHONPATH=$root/build/release/python "$venv/bin/python" benchmarks/python/python_bench.py \
            --json "$folder/python_bench.json" || failed+=(python_bench)
    fi
    ((ran > 0)) || die "bench: no benchmark program in build/release/bin matches '$filter'"
    ((${#failed[@]} == 0)) || die "bench: failed: ${failed[*]}"
    say "the raw figures are in out/bench"
}
