# Sourced by ./run: configures, builds and tests the presets one after another.
# shellcheck shell=bash

readonly least_test_cases=150

# run_for PRESET COMMAND...: the thread sanitizer's shadow memory collides with addresses that a kernel with much
# randomisation hands out, so its programs run without randomisation where the machine lets it be turned off.
run_for() {
    local preset=$1
    shift
    if [[ $preset == tsan ]] && setarch --addr-no-randomize true 2>/dev/null; then
        setarch --addr-no-randomize "$@"
    else
        "$@"
    fi
}

test_preset() {
    local preset=$1 cases options=()
    if [[ $preset == dev || $preset == asan ]]; then
        mapfile -t options < <(python_options)
    fi
    configure "$preset" "${options[@]}"
    # Building runs each test program once, to list its cases.
    say "building build/$preset"
    local targets=()
    [[ $preset != fuzz ]] || targets=(--target fuzz_targets)
    run_for "$preset" cmake --build "build/$preset" --parallel "$(nproc)" "${targets[@]}"
    cases=$(ctest --preset "$preset" --show-only | sed -n 's/^Total Tests: //p')
    ((${cases:-0} > 0)) || die "test: the preset $preset has no test cases"
    if [[ $preset == dev ]] && ((cases < least_test_cases)); then
        die "test: the preset dev has $cases test cases, fewer than $least_test_cases: some are not built"
    fi
    say "testing build/$preset: $cases cases"
    run_for "$preset" ctest --preset "$preset" --parallel "$(($(nproc) + 1))"
}

command_test() {
    local presets=() preset pythons=no wheel=no
    while (($# > 0)); do
        case $1 in
            --quick) presets+=(dev) ;;
            --pythons) pythons=yes ;;
            --wheel) wheel=yes ;;
            --preset)
                (($# > 1)) || die "test: --preset takes the name of a preset"
                presets+=("$2")
                shift
                ;;
            *) die "test: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    local whole=no
    ((${#presets[@]} > 0)) || { presets=(dev asan tsan) && whole=yes; }
    command_setup
    if [[ $pythons == yes ]]; then
        [[ $whole == yes ]] || die "test: --pythons is a run of its own, without --quick and --preset"
        test_pythons
        return
    fi
    if [[ $wheel == yes ]]; then
        test_wheel
        return
    fi
    export FASTIO_REQUIRE_PACKAGES=ON
    # So that one build's objects serve another, whose folder is another one, too: the wheel's those of dev.
    export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
    for preset in "${presets[@]}"; do
        test_preset "$preset"
    done
    [[ $whole == yes ]] || return 0
    test_wheel
    # One seed: a finding of a day is for `./run fuzz`, which has another one each time.
    run_fuzz_targets . seconds 60 1
}
