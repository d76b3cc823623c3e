# Sourced by ./run: builds the fuzz targets, runs each for some time, and asks for the coverage of what it is there for.
# shellcheck shell=bash

readonly fuzz_jobs=2

# fuzz_target NAME seconds|executions NUMBER SEED: starts from the committed corpus and from what earlier runs found; a finding
# stays in out/fuzz. libnifti prints what it refuses.
fuzz_target() {
    local name=$1 found=build/fuzz/corpus/$1 end=-max_total_time=$3
    [[ $2 == seconds ]] || end=-runs=$3
    mkdir -p "$found"
    # Two frames say where a block came from; more of them, and more blocks kept back after their end, slow the rounds.
    LLVM_PROFILE_FILE=build/fuzz/fuzz_coverage/$name.profraw ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=16 \
        UBSAN_OPTIONS=print_stacktrace=1 "build/fuzz/bin/fuzz_$name" "$end" -seed="$4" -timeout=60 \
        -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix="out/fuzz/$name-" \
        "$found" "tests/fuzz/corpus/$name" 2>&1 | grep --text --invert-match '^\*\* ERROR: nifti' >"out/fuzz/$name.log"
}

# The fuzzer of safetensors is a Python program, and so is what it tests.
fuzz_safetensors() {
    local end=--seconds
    [[ $1 == seconds ]] || end=--runs
    PYTHONPATH=build/dev/python "$venv/bin/python" tests/python/safetensors_fuzzer.py "$end" "$2" --seed "$3" \
        >out/fuzz/safetensors.log 2>&1
}

# run_fuzz_targets FILTER seconds|executions NUMBER SEED
run_fuzz_targets() {
    local filter=$1 unit=$2 number=$3 seed=$4 name failed=() names=() pids=() i
    configure fuzz
    nice cmake --build build/fuzz --parallel "$(nproc)" --target fuzz_targets
    rm -rf out/fuzz build/fuzz/fuzz_coverage
    mkdir -p out/fuzz
    while read -r name _; do
        [[ ! $name =~ $filter ]] || names+=("$name")
    done <build/fuzz/fuzz_targets.txt
    [[ ! safetensors =~ $filter ]] || names+=(safetensors)
    ((${#names[@]} > 0)) || die "fuzz: no target matches '$filter'"
    say "fuzzing, $number $unit each from seed $seed: ${names[*]}"
    for i in "${!names[@]}"; do
        ((i < fuzz_jobs)) || wait "${pids[i - fuzz_jobs]}" || failed+=("${names[i - fuzz_jobs]}")
        if [[ ${names[i]} == safetensors ]]; then
            fuzz_safetensors "$unit" "$number" "$seed" &
        else
            fuzz_target "${names[i]}" "$unit" "$number" "$seed" &
        fi
        pids+=($!)
    done
    for ((i = ${#names[@]} > fuzz_jobs ? ${#names[@]} - fuzz_jobs : 0; i < ${#names[@]}; ++i)); do
        wait "${pids[i]}" || failed+=("${names[i]}")
    done
    for name in "${failed[@]}"; do
        tail -n 40 "out/fuzz/$name.log" >&2
    done
    ((${#failed[@]} == 0)) || die "fuzz: findings in ${failed[*]}; the inputs are in out/fuzz"
    python3 tools/fuzz_coverage.py "${names[@]}"
}

command_fuzz() {
    local unit=seconds number=600 filter=. seed=$((RANDOM + 1))
    while (($# > 0)); do
        case $1 in
            --seconds | --executions)
                [[ ${2:-} =~ ^[0-9]+$ ]] || die "fuzz: $1 takes a number"
                unit=${1#--} number=$2
                shift
                ;;
            --seed)
                [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "fuzz: --seed takes a number above 0"
                seed=$2
                shift
                ;;
            --filter)
                (($# > 1)) || die "fuzz: --filter takes a value"
                filter=$2
                shift
                ;;
            *) die "fuzz: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    if [[ safetensors =~ $filter ]]; then
        local options
        mapfile -t options < <(python_options)
        configure dev "${options[@]}"
        build dev fastio_python
    fi
    run_fuzz_targets "$filter" "$unit" "$number" "$seed"
}
