"""The reader of safetensors files on files that are nearly right; safetensors_fuzzer.py runs for longer by itself."""

from __future__ import annotations

import pytest
import safetensors_fuzzer


def test_every_file_is_read_or_refused_with_a_documented_error() -> None:
    done, taken, coverage = safetensors_fuzzer.fuzz(seed=5, runs=20_000, seconds=None)
    assert taken > done // 20
    assert coverage.percent >= safetensors_fuzzer.LEAST_PERCENT, coverage.missing


def test_a_reader_that_forgets_a_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(contents: object, path: str) -> object:
        raise KeyError(path)

    monkeypatch.setattr("fastio._safetensors_file.read_header", forgetful)
    with pytest.raises(KeyError):
        safetensors_fuzzer.fuzz(seed=5, runs=1, seconds=None)
