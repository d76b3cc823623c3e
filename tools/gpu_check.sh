# Sourced by ./run: checks a build on this machine's GPU, and packs a build for a machine that only has a driver.
# shellcheck shell=bash

source_commit() {
    git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || echo unknown
}

# build_for_gpu [OPTION...]: options of cmake
build_for_gpu() {
    command_setup
    configure gpu "$@"
    build gpu gpu_check_programs
    source_commit >build/gpu/commit
}

command_gpu_check() {
    local build_folder='' options=() kind=90
    while (($# > 0)); do
        case $1 in
            --build | --output | --library-path)
                (($# > 1)) || die "gpu-check: $1 takes a folder"
                if [[ $1 == --build ]]; then
                    build_folder=$2
                else
                    options+=("$1" "$2")
                fi
                shift
                ;;
            --quick) options+=(--quick) ;;
            *) die "gpu-check: unknown option $1; see ./run help" ;;
        esac
        shift
    done
    if [[ -z $build_folder ]]; then
        # For the GPU that is here; where there is none, the check says so.
        nvidia-smi -L >/dev/null 2>&1 && kind=native
        build_for_gpu "-DCMAKE_CUDA_ARCHITECTURES=$kind"
        build_folder=build/gpu
    fi
    python3 -B tools/gpu_check --build "$build_folder" "${options[@]}"
}

command_gpu_pack() {
    local folder=out/gpu-pack
    (($# <= 1)) || die "gpu-pack: takes one folder; see ./run help"
    [[ ${1:-} != -* ]] || die "gpu-pack: unknown option $1; see ./run help"
    folder=${1:-$folder}
    build_for_gpu
    python3 -B tools/gpu_check/pack.py build/gpu "$folder" "$(<build/gpu/commit)"
}
