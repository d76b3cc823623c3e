# Sourced by ./run: the crash rounds of tests/soak, more of them than in ./run test.
# shellcheck shell=bash

command_soak() {
    local rounds=10000 first=0 seed=$((RANDOM * 32768 + RANDOM)) program
    while (($# > 0)); do
        case $1 in
            --rounds | --seed | --first)
                [[ ${2:-} =~ ^[0-9]+$ ]] || die "soak: $1 takes a number"
                printf -v "${1#--}" %s "$2"
                shift
                ;;
            *) die "soak: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    command_setup
    local options=()
    mapfile -t options < <(python_options)
    configure dev "${options[@]}"
    local programs=(soak_test)
    [[ -d build/dev/cudart_emulator ]] && programs+=(cuda_soak_test)
    build dev "${programs[@]}"
    for program in "${programs[@]}"; do
        say "$program: $rounds rounds from number $first, seed $seed"
        LD_LIBRARY_PATH=$root/build/dev/cudart_emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
            FASTIO_SOAK_ROUNDS=$rounds FASTIO_SOAK_FIRST=$first FASTIO_SOAK_SEED=$seed "build/dev/bin/$program"
    done
}
