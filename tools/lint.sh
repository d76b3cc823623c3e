# Sourced by ./run: what a reviewer should not have to look for. Every check runs; the command fails if one did.
# shellcheck shell=bash

# Tracked sources, one per line; arguments narrow the listing (git pathspecs).
tracked_sources() {
    git ls-files -- "$@" | while read -r file; do
        [[ ! -f $file ]] || printf '%s\n' "$file"
    done
}

check_format() {
    say "lint: clang-format"
    tracked_sources '*.cpp' '*.hpp' '*.cu' | xargs --no-run-if-empty clang-format --dry-run -Werror
}

check_layout() {
    say "lint: layers, includes, sizes of files"
    python3 tools/check_layout.py
}

check_scripts() {
    say "lint: shellcheck"
    shellcheck --external-sources run .ci/run
}

check_python() {
    say "lint: ruff"
    "$venv/bin/ruff" check --quiet --config python/pyproject.toml .
    "$venv/bin/ruff" format --quiet --diff --config python/pyproject.toml .
    say "lint: mypy"
    (cd python && "$venv/bin/python" -m mypy --config-file pyproject.toml)
}

# check_tidy [FILE...]: all compiled sources when none are given
check_tidy() {
    say "lint: clang-tidy on $# files"
    printf '%s\0' "$@" | xargs -0 --no-run-if-empty --max-args=1 --max-procs="$(nproc)" \
        clang-tidy -p build/lint --quiet --warnings-as-errors='*' 2>&1 |
        sed '/^[0-9]* warnings\? \(and [0-9]* errors\? \)\?generated\.$/d'
}

command_lint() {
    local tidy=all failed=() sources compiled
    while (($# > 0)); do
        case $1 in
            --changed) tidy=changed ;;
            --no-tidy) tidy=none ;;
            *) die "lint: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    local options
    mapfile -t options < <(python_options)
    configure dev "${options[@]}"
    build dev
    check_format || failed+=(clang-format)
    check_layout || failed+=(layout)
    check_scripts || failed+=(shellcheck)
    check_python || failed+=(python)
    if [[ $tidy != none ]]; then
        configure lint "${options[@]}"
        compiled=$(python3 -c 'import json, sys
for entry in json.load(open("build/lint/compile_commands.json")):
    print(entry["file"].removeprefix(sys.argv[1] + "/"))' "$root" | sort -u)
        if [[ $tidy == changed ]]; then
            sources=$(git diff --name-only --diff-filter=d HEAD -- '*.cpp')
        else
            sources=$(tracked_sources '*.cpp')
        fi
        mapfile -t sources < <(comm -12 <(sort -u <<<"$sources") <(printf '%s\n' "$compiled"))
        check_tidy "${sources[@]}" || failed+=(clang-tidy)
    fi
    ((${#failed[@]} == 0)) || die "lint: failed: ${failed[*]}"
    say "lint: clean"
}
