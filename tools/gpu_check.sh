# Sourced by ./run: checks a build on this machine's GPU, and packs a build for a machine that only has a driver.
# shellcheck shell=bash

source_commit() {
    git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || echo unknown
}

# build_for_gpu [OPTION...]: options of cmake
build_for_gpu() {
    local targets=(gpu_check_programs)
    [[ " $* " != *" -DFASTIO_WITH_PYTHON=ON "* ]] || targets+=(fastio_python)
    command_setup
    configure gpu "$@"
    build gpu "${targets[@]}"
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
    local folder='' python='' options=(-DFASTIO_WITH_PYTHON=OFF) packed=()
    while (($# > 0)); do
        case $1 in
            --python)
                (($# > 1)) || die "gpu-pack: --python takes an interpreter"
                # What is found by that name may be a script that looks for an interpreter.
                python=$("$2" -c 'import sys; print(sys.executable)') && [[ -x $python ]] ||
                    die "gpu-pack: there is no interpreter $2, or it does not run"
                shift
                ;;
            -*) die "gpu-pack: unknown option $1; see ./run help" ;;
            *)
                [[ -z $folder ]] || die "gpu-pack: takes one folder; see ./run help"
                folder=$1
                ;;
        esac
        shift
    done
    if [[ -n $python ]]; then
        # nanobind's sources are the same for all of them, and an interpreter elsewhere need not have it.
        rm -rf build/gpu/python/fastio
        command_setup
        options=(-DFASTIO_WITH_PYTHON=ON "-DPython_EXECUTABLE=$python"
            "-Dnanobind_DIR=$("$venv/bin/python" -m nanobind --cmake_dir)")
        packed=(--python)
    fi
    build_for_gpu "${options[@]}"
    python3 -B tools/gpu_check/pack.py build/gpu "${folder:-out/gpu-pack}" "$(<build/gpu/commit)" "${packed[@]}"
}
