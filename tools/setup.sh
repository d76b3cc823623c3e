# Sourced by ./run: installs what the build, the tests and the demo need and the machine lacks.
# shellcheck shell=bash

# A tool counts as there when its command is, wherever it comes from; a library when its Debian package is.
readonly setup_tools=(
    g++:g++ cmake:cmake ninja:ninja-build ccache:ccache mold:mold git:git pkg-config:pkg-config python3:python3
    clang++:clang llvm-cov:llvm clang-format:clang-format clang-tidy:clang-tidy shellcheck:shellcheck strace:strace
    spin:spin
)
readonly setup_libraries=(
    libspdlog-dev libfmt-dev libcli11-dev libyaml-cpp-dev nlohmann-json3-dev libxxhash-dev libpng-dev
    libnifti-dev libnifti2-dev zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev
    python3-dev python3-venv python3-numpy python3-scipy python3-nibabel python3-torch mricron-data
)

# Thrust comes with a CUDA toolkit or from the distribution, never from both.
has_cccl() {
    local nvcc folder
    nvcc=$(command -v nvcc || true)
    for folder in "${CUDAToolkit_ROOT:-}" "${CUDA_HOME:-}" "${CUDA_PATH:-}" \
        "${nvcc:+$(dirname "$(dirname "$(readlink -f "$nvcc")")")}" /usr/local/cuda; do
        if [[ -n $folder ]] && compgen -G "$folder/lib*/cmake/cccl/cccl-config.cmake" >/dev/null; then
            return 0
        fi
    done
    return 1
}

missing_packages() {
    local tool package installed
    for tool in "${setup_tools[@]}"; do
        command -v "${tool%%:*}" >/dev/null || echo "${tool##*:}"
    done
    installed=$(dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p')
    for package in "${setup_libraries[@]}"; do
        grep -qxF "$package" <<<"$installed" || echo "$package"
    done
    if ! has_cccl && ! grep -qxF libthrust-dev <<<"$installed"; then
        echo libthrust-dev
    fi
}

command_setup() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "setup: not a Debian system, so nothing is installed; needed: ${setup_tools[*]%%:*} ${setup_libraries[*]}"
        setup_venv
        return
    fi
    local missing as_root=()
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]} == 0)); then
        setup_venv
        say "setup: nothing is missing"
        return
    fi
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "setup: as root, run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
    setup_venv
}
