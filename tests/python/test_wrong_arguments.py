"""Arguments of wrong types and values: each has its exception, whose text names the call, and nothing has happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastio

Call = Callable[[fastio.FastIOContext, fastio.FastIOAllocation], Any]

WRONG_TYPES: dict[str, tuple[str, Call]] = {
    "create size text": ("create", lambda c, a: c.create("8")),
    "create size float": ("create", lambda c, a: c.create(8.0)),
    "create size None": ("create", lambda c, a: c.create(None)),
    "create size bool": ("create", lambda c, a: c.create(True)),
    "create device": ("create", lambda c, a: c.create(8, device=3)),
    "create alignment": ("create", lambda c, a: c.create(8, alignment="256")),
    "create alignment None": ("create", lambda c, a: c.create(8, alignment=None)),
    "create zero": ("create", lambda c, a: c.create(8, zero="yes")),
    "create stream": ("create", lambda c, a: c.create(8, stream="0")),
    "create_array type": ("create_array", lambda c, a: c.create_array(object(), (1,))),
    "create_array type None": ("create_array", lambda c, a: c.create_array(None, (1,))),
    "create_array dimensions": ("create_array", lambda c, a: c.create_array("int8", "12")),
    "create_array dimensions None": ("create_array", lambda c, a: c.create_array("int8", None)),
    "create_array dimensions float": ("create_array", lambda c, a: c.create_array("int8", (1.5,))),
    "create_array dimensions bool": ("create_array", lambda c, a: c.create_array("int8", (True,))),
    "get name": ("get", lambda c, a: c.get(3)),
    "get name None": ("get", lambda c, a: c.get(None)),
    "get name bytes": ("get", lambda c, a: c.get(b"x")),
    "publish_array timeout": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), "x", timeout="1")),
    "create timeout": ("create", lambda c, a: c.create(1, timeout="1")),
    "create_array timeout": ("create_array", lambda c, a: c.create_array(np.uint8, 1, timeout="1")),
    "get timeout": ("get", lambda c, a: c.get("x", timeout="1")),
    "get timeout bool": ("get", lambda c, a: c.get("x", timeout=True)),
    "get newer_than": ("get", lambda c, a: c.get("x", newer_than=1.5)),
    "get newer_than None": ("get", lambda c, a: c.get("x", newer_than=None)),
    "get stream": ("get", lambda c, a: c.get("x", stream=[])),
    "get contents_timeout": ("get", lambda c, a: c.get("x", contents_timeout="1")),
    "create_array device": ("create_array", lambda c, a: c.create_array("int8", (1,), device=3)),
    "create_array alignment": ("create_array", lambda c, a: c.create_array("int8", (1,), alignment="256")),
    "create_array zero": ("create_array", lambda c, a: c.create_array("int8", (1,), zero="yes")),
    "create_array stream": ("create_array", lambda c, a: c.create_array("int8", (1,), stream="0")),
    "find name": ("find", lambda c, a: c.find(3)),
    "find timeout": ("find", lambda c, a: c.find("x", timeout="1")),
    "find newer_than": ("find", lambda c, a: c.find("x", newer_than=1.5)),
    "find stream": ("find", lambda c, a: c.find("x", stream=[])),
    "find contents_timeout": ("find", lambda c, a: c.find("x", contents_timeout="1")),
    "find_many names": ("find_many", lambda c, a: c.find_many(3)),
    "find_many one name": ("find_many", lambda c, a: c.find_many("abc")),
    "find_many a name": ("find_many", lambda c, a: c.find_many(["x", 3])),
    "find_many timeout": ("find_many", lambda c, a: c.find_many(["x"], timeout="1")),
    "find_many newer_than": ("find_many", lambda c, a: c.find_many(["x"], newer_than=1.5)),
    "find_many stream": ("find_many", lambda c, a: c.find_many(["x"], stream=[])),
    "find_many contents_timeout": ("find_many", lambda c, a: c.find_many(["x"], contents_timeout="1")),
    "publish_array array": ("publish_array", lambda c, a: c.publish_array([1, 2], "x")),
    "publish_array array None": ("publish_array", lambda c, a: c.publish_array(None, "x")),
    "publish_array name": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), 3)),
    "publish_array attributes": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), "x", attributes=["a"])),
    "publish_array attribute": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), "x", attributes={"a": 1})),
    "publish_array stream": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), "x", stream="s")),
    "publish_array replace": ("publish_array", lambda c, a: c.publish_array(np.zeros(1), "x", replace="yes")),
    "unpublish name": ("unpublish", lambda c, a: c.unpublish(3)),
    "list prefix": ("list", lambda c, a: c.list(3)),
    "list prefix None": ("list", lambda c, a: c.list(None)),
    "watch prefix": ("watch", lambda c, a: c.watch(3)),
    "watch next timeout": ("next", lambda c, a: c.watch().next(timeout="1")),
    "publish name": ("publish", lambda c, a: a.publish(3)),
    "publish name None": ("publish", lambda c, a: a.publish(None)),
    "publish attributes": ("publish", lambda c, a: a.publish("x", attributes="a")),
    "publish replace": ("publish", lambda c, a: a.publish("x", replace="yes")),
    "publish time_to_live": ("publish", lambda c, a: a.publish("x", time_to_live="1")),
    "publish stream": ("publish", lambda c, a: a.publish("x", stream=1.0)),
    "release stream": ("release", lambda c, a: a.release("s")),
    "free stream": ("free", lambda c, a: a.free("s")),
    "set_type": ("set_type_and_dimensions", lambda c, a: a.set_type_and_dimensions(object(), (1,))),
    "set_dimensions": ("set_type_and_dimensions", lambda c, a: a.set_type_and_dimensions("int8", {})),
    "context job": ("FastIOContext", lambda c, a: fastio.FastIOContext(job=3)),
    "context socket": ("FastIOContext", lambda c, a: fastio.FastIOContext(socket=3)),
    "context device": ("FastIOContext", lambda c, a: fastio.FastIOContext(device=3)),
    "context quota": ("FastIOContext", lambda c, a: fastio.FastIOContext(quota="1")),
    "context embedded": ("FastIOContext", lambda c, a: fastio.FastIOContext(embedded="no")),
    "context persistent": ("FastIOContext", lambda c, a: fastio.FastIOContext(persistent="no")),
    "context connect_timeout": ("FastIOContext", lambda c, a: fastio.FastIOContext(connect_timeout="1")),
    "DataType code": ("DataType", lambda c, a: fastio.DataType("float", 32)),
    "DataType bits": ("DataType", lambda c, a: fastio.DataType(fastio.float32.code, "32")),
    "DataType lanes": ("DataType", lambda c, a: fastio.DataType(fastio.float32.code, 32, "1")),
    "copy_from stream": ("copy_from", lambda c, a: a.copy_from(np.zeros(1), stream="s")),
    "__dlpack__ copy": ("argument", lambda c, a: a.__dlpack__(copy="x")),
    "__dlpack__ max_version": ("argument", lambda c, a: a.__dlpack__(max_version="1.0")),
    "__dlpack__ max_version part": ("argument", lambda c, a: a.__dlpack__(max_version=("1", 0))),
    "__array__ copy": ("argument", lambda c, a: a.__array__(None, "x")),
    "safetensors.publish context": ("publish", lambda c, a: fastio.safetensors.publish(None, "f")),
    "safetensors.publish path": ("str", lambda c, a: fastio.safetensors.publish(c, 1)),
    "safetensors.publish prefix": ("publish", lambda c, a: fastio.safetensors.publish(c, "f", 3)),
    "safetensors.publish replace": ("publish", lambda c, a: fastio.safetensors.publish(c, "f", replace=1)),
    "safetensors.publish progress": ("publish", lambda c, a: fastio.safetensors.publish(c, "f", progress="no")),
    "safetensors.load context": ("load", lambda c, a: fastio.safetensors.load(None)),
    "safetensors.load prefix": ("load", lambda c, a: fastio.safetensors.load(c, 3, framework="numpy")),
    "safetensors.load timeout": ("load", lambda c, a: fastio.safetensors.load(c, timeout="1", framework="numpy")),
    "safetensors.metadata context": ("metadata", lambda c, a: fastio.safetensors.metadata(None)),
    "safetensors.metadata prefix": ("metadata", lambda c, a: fastio.safetensors.metadata(c, 3)),
    "Driver prepare handler": ("Driver", lambda c, a: fastio.Driver(prepare_handler=3)),
    "Driver cleanup handler": ("Driver", lambda c, a: fastio.Driver(cleanup_handler=3)),
    "Driver notification handler": ("Driver", lambda c, a: fastio.Driver(notification_handler=3)),
    "Driver handler": ("Driver", lambda c, a: fastio.Driver(execute_handler=3)),
}


@pytest.mark.parametrize(("name", "call"), WRONG_TYPES.values(), ids=WRONG_TYPES.keys())
def test_a_wrong_type_is_a_type_error(ctx: fastio.FastIOContext, name: str, call: Call) -> None:
    a = ctx.create(8)
    with pytest.raises(TypeError, match=re.escape(name).replace("DataType", "(DataType|__init__)")):
        call(ctx, a)
    assert ctx.list() == []
    assert ctx.stats().allocations == 1
    assert not a.released


WRONG_VALUES: dict[str, tuple[str, Call]] = {
    "create 0": ("create", lambda c, a: c.create(0)),
    "create negative": ("create", lambda c, a: c.create(-1)),
    "create above 64 bits": ("create", lambda c, a: c.create(1 << 64)),
    "create alignment": ("alignment", lambda c, a: c.create(8, alignment=300)),
    "create alignment negative": ("alignment", lambda c, a: c.create(8, alignment=-256)),
    "create_array negative": ("create_array", lambda c, a: c.create_array("int8", (3, -1))),
    "create_array overflow": ("2\\^63|overflow|bytes", lambda c, a: c.create_array("int8", (1 << 40, 1 << 40))),
    "create_array rank": ("8", lambda c, a: c.create_array("int8", (1,) * 9)),
    "create_array type": ("float33", lambda c, a: c.create_array("float33", (1,))),
    "create_array structure": ("one type", lambda c, a: c.create_array([("a", "i4")], (1,))),
    "create_array object": ("objects", lambda c, a: c.create_array(object, (1,))),
    "create_array date": ("times", lambda c, a: c.create_array("datetime64[s]", (1,))),
    "create_array text": ("texts", lambda c, a: c.create_array("U8", (1,))),
    "create_array swapped": ("swapped", lambda c, a: c.create_array(">i4", (1,))),
    "get empty name": ("name", lambda c, a: c.get("")),
    "get long name": ("256|255", lambda c, a: c.get("x" * 256)),
    "get NUL": ("NUL", lambda c, a: c.get("a\0b")),
    "get surrogate": ("UTF-8", lambda c, a: c.get("\ud800")),
    "get timeout negative": ("timeout", lambda c, a: c.get("x", timeout=-1)),
    "get timeout NaN": ("timeout", lambda c, a: c.get("x", timeout=float("nan"))),
    "get newer_than negative": ("newer_than", lambda c, a: c.get("x", newer_than=-1)),
    "publish empty name": ("name", lambda c, a: a.publish("")),
    "publish attributes": ("4096|attributes", lambda c, a: a.publish("x", attributes={"a": "b" * 5000})),
    "set_type_and_dimensions": ("bytes", lambda c, a: a.set_type_and_dimensions("int64", (2,))),
    "context job": ("job", lambda c, a: fastio.FastIOContext(job="j" * 256, socket=c.socket)),
    "context quota": ("quota", lambda c, a: fastio.FastIOContext(quota=-1)),
    "DataType": ("no such type", lambda c, a: fastio.DataType(2, 7)),
    "DataType code": ("no such type", lambda c, a: fastio.DataType(99, 8)),
}


@pytest.mark.parametrize(("text", "call"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_a_wrong_value_is_a_value_error(ctx: fastio.FastIOContext, text: str, call: Call) -> None:
    a = ctx.create(8)
    with pytest.raises(ValueError, match=text) as raised:
        call(ctx, a)
    assert isinstance(raised.value, fastio.InvalidArgumentError)
    assert ctx.list() == []
    assert ctx.stats().allocations == 1


def test_a_device_that_is_not_there_has_an_error_of_its_own(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.DeviceUnavailableError):
        ctx.create(8, device="cuda:99")
    for device in ("disk", "cuda:GPU-of-nowhere"):
        with pytest.raises(ValueError, match=device):
            ctx.create(8, device=device)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.create(8, "host"),
        lambda c: c.create_array("int8", (1,), "host"),
        lambda c: c.get("x", 1.0),
        lambda c: c.find("x", 1.0),
        lambda c: c.publish_array(np.zeros(1), "x", True),
        lambda c: c.create(8).publish("x", True),
    ],
)
def test_options_are_given_by_name(ctx: fastio.FastIOContext, call: Callable[[fastio.FastIOContext], Any]) -> None:
    with pytest.raises(TypeError):
        call(ctx)
    assert ctx.list() == []


ERRORS = (
    "invalid_argument not_found already_exists timed_out out_of_memory quota_exceeded table_full lease_limit released "
    "producer_lost service_lost service_unreachable permission_denied version_mismatch incompatible_host "
    "device_unavailable device_error context_closed protocol_error forked peer_access_unavailable read_only "
    "unsupported corrupt_input io_error"
).split()


@pytest.mark.parametrize(("code", "name"), list(enumerate(ERRORS, 1)), ids=ERRORS)
def test_every_error_has_a_class(code: int, name: str) -> None:
    words = "".join(word.capitalize() for word in name.split("_"))
    cls = getattr(fastio, words if words.endswith("Error") else f"{words}Error")
    assert issubclass(cls, fastio.Error)
    assert (cls.code, cls.errc) == (code, name)
    assert str(cls("what was tried, and what to do")) == "what was tried, and what to do"


def test_errors_are_those_of_python_where_it_has_one() -> None:
    assert issubclass(fastio.InvalidArgumentError, ValueError)
    assert issubclass(fastio.NotFoundError, KeyError)
    assert issubclass(fastio.TimedOutError, TimeoutError)
    assert issubclass(fastio.OutOfMemoryError, MemoryError)


def test_numbers_that_nothing_can_hold_are_refused_or_without_a_bound(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    assert ctx.get("x", timeout=10**400).count == 3
    with pytest.raises(fastio.InvalidArgumentError, match="timeout"):
        ctx.get("x", timeout=-(10**400))
    with pytest.raises(fastio.InvalidArgumentError, match="stream"):
        ctx.get("x", stream=2**70)


@pytest.mark.parametrize("text", ["int8,(", "{", "(2,)f4", "no such type"])
def test_a_text_that_names_no_type_is_an_invalid_argument(ctx: fastio.FastIOContext, text: str) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match="type"):
        ctx.create_array(text, (1,))


def test_attributes_whose_items_are_no_pairs_are_a_type_error(ctx: fastio.FastIOContext) -> None:
    class Odd(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            return [("a",), ()]

    with pytest.raises(TypeError, match="attributes"):
        ctx.create(1).publish("x", attributes=Odd())
