"""The seed's text as acceptance tests: each sentence that promises something has a test named after it.

The seed is section 8.12 of Clara's documentation, "Clara Pipeline Fast I/O Context"; the docstrings quote it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

import fastio as clara
from conftest import RunningService, Script


def execute_in_job(
    monkeypatch: pytest.MonkeyPatch, service: RunningService, work: Callable[[clara.Payload], None]
) -> None:
    """`work` as the execute handler of an operator of the job "test"."""
    monkeypatch.setenv("FASTIO_SOCKET", service.socket)
    monkeypatch.setenv("FASTIO_JOB", "test")
    monkeypatch.setenv("FASTIO_STAGE", "stage")

    done = []

    def execute(driver: clara.Driver, payload: clara.Payload) -> bool:
        work(payload)
        done.append(True)
        return True

    driver = clara.Driver(execute_handler=execute)
    driver.start()
    try:
        driver.wait_for_completion()
    except clara.DriverError as error:
        if isinstance(error.__cause__, AssertionError):
            raise error.__cause__ from None
        raise
    assert done == [True]


# The context


def test_the_payload_provides_disk_based_input_and_output(
    monkeypatch: pytest.MonkeyPatch, service: RunningService
) -> None:
    """ "the clara.Payload traditionally provides disk-based input and output support to applications" """
    monkeypatch.setenv("FASTIO_INPUTS", '[{"name": "scan", "path": "/in/scan.nii"}]')
    monkeypatch.setenv("FASTIO_OUTPUTS", '[{"name": "report", "path": "/out/report.txt"}]')

    def work(payload: clara.Payload) -> None:
        assert payload.input_entries["scan"].path == "/in/scan.nii"
        assert payload.output_entries["report"].path == "/out/report.txt"

    execute_in_job(monkeypatch, service, work)


def test_the_payload_provides_a_fast_io_context(monkeypatch: pytest.MonkeyPatch, service: RunningService) -> None:
    """ "the clara.Payload also provides a Fast I/O Context, clara.FastIOContext" """

    def work(payload: clara.Payload) -> None:
        assert isinstance(payload.fastio_context, clara.FastIOContext)

    execute_in_job(monkeypatch, service, work)


def test_its_memory_is_accessible_by_all_operators_of_the_same_pipeline(
    ctx: clara.FastIOContext, script: Script
) -> None:
    """ "memory resources that are accessible by all operators running within the same pipeline" """
    ctx.publish_array(np.arange(4), "x")
    for _ in range(2):
        assert script.run("import fastio, numpy; print(numpy.asarray(fastio.FastIOContext().get('x')).sum())") == "6\n"


def test_operators_of_another_pipeline_do_not_reach_it(ctx: clara.FastIOContext, service: RunningService) -> None:
    """ "accessible by all operators running within the same pipeline" """
    ctx.publish_array(np.arange(4), "x")
    with clara.FastIOContext(job="another", socket=service.socket) as another:
        assert another.find("x") is None


def test_data_is_shared_without_a_copy(ctx: clara.FastIOContext, script: Script) -> None:
    """ "efficient, zero-copy sharing and passing of data between operators" """
    ctx.publish_array(np.zeros(1 << 20, np.uint8), "x")
    array = np.asarray(ctx.get("x"))
    code = """
import fastio, numpy as np
ctx = fastio.FastIOContext()
np.asarray(ctx.get("x"))[:] = 7
print(ctx.stats().bytes_copied)
"""
    assert script.run(code) == "0\n"
    assert (array == 7).all()


def test_the_context_allocates(ctx: clara.FastIOContext) -> None:
    """ "provides [...] the means to allocate Fast I/O memory resources (FastIOContext.create)" """
    assert ctx.create(4096).size == 4096


def test_resources_are_passed_by_basic_string_identifiers(ctx: clara.FastIOContext, other: clara.FastIOContext) -> None:
    """
    "a mechanism to pass these resources between multiple operators in a pipeline using basic string identifiers"
    """
    allocation = ctx.create(8)
    np.asarray(allocation)[:] = range(8)
    allocation.publish("a plain string")
    assert np.asarray(other.get("a plain string")).tolist() == list(range(8))


def test_the_context_comes_from_the_payload_of_the_execution_callback(
    monkeypatch: pytest.MonkeyPatch, service: RunningService, ctx: clara.FastIOContext
) -> None:
    """ "can be retrieved from the Payload.fastio_context property within the clara.Payload object that was provided to
    the application as part of the Clara Pipeline Operator Life-Cycle execution event callback" """

    def work(payload: clara.Payload) -> None:
        payload.fastio_context.publish_array(np.array([1]), "from the callback")

    execute_in_job(monkeypatch, service, work)
    assert ctx.get("from the callback").count == 1


def test_the_context_is_valid_only_throughout_the_execution_callback(
    monkeypatch: pytest.MonkeyPatch, service: RunningService
) -> None:
    """ "This object is only valid throughout the lifetime of the application supplied execution callback handler." """
    kept: list[clara.FastIOContext] = []
    execute_in_job(monkeypatch, service, lambda payload: kept.append(payload.fastio_context))
    for call in (lambda: kept[0].create(1), lambda: kept[0].get("x"), lambda: kept[0].list()):
        with pytest.raises(clara.ContextClosedError):
            call()


# create


def test_create_allocates_a_resource_of_the_requested_size(ctx: clara.FastIOContext) -> None:
    """ "Allocates a Fast I/O memory resource of the requested size." """
    for size in (1, 255, 256, 4097, 10_000_000):
        allocation = ctx.create(size)
        assert allocation.size == size
        np.asarray(allocation)[:] = 1


def test_create_returns_an_allocation_to_identify_it(ctx: clara.FastIOContext) -> None:
    """ "Returns a clara.FastIOAllocation object to identify the allocation." """
    assert isinstance(ctx.create(10), clara.FastIOAllocation)


def test_created_allocations_are_only_accessible_by_the_calling_process(
    ctx: clara.FastIOContext, other: clara.FastIOContext, script: Script
) -> None:
    """ "initially only accessible by the calling process" """
    look = "import fastio; ctx = fastio.FastIOContext(); print([info.name for info in ctx.list()], ctx.find('x'))"
    allocation = ctx.create(10)
    assert script.run(look) == "[] None\n"
    assert other.list() == []
    assert other.stats().publications == 0
    assert allocation.name == ""
    allocation.publish("x")
    assert script.run(look).startswith("['x'] <fastio.FastIOAllocation 'x'")


def test_publishing_makes_an_allocation_available_to_other_operators(
    ctx: clara.FastIOContext, other: clara.FastIOContext
) -> None:
    """ "must publish the allocation to the Fast I/O context using FastIOAllocation.publish, after which other operators
    may access and import a local reference to that same resource using FastIOContext.get" """
    allocation = ctx.create(10)
    with pytest.raises(KeyError):
        other.get("x")
    allocation.publish("x")
    local = other.get("x")
    np.asarray(local)[3] = 99
    assert np.asarray(allocation)[3] == 99


def test_create_takes_its_size_by_name(ctx: clara.FastIOContext) -> None:
    """ "def create(self, size)", "Size, in bytes, of the requested allocation." """
    assert ctx.create(size=12).size == 12


# get


def test_what_any_operator_published_is_retrieved_with_the_same_identifier(
    ctx: clara.FastIOContext, script: Script
) -> None:
    """ "can be retrieved by any other operator in the same pipeline job by calling FastIOContext.get using the same
    identifier that was used to publish it" """
    script.run(
        """
import fastio, numpy as np
ctx = fastio.FastIOContext()
a = ctx.create(3)
np.asarray(a)[:] = [1, 2, 3]
a.publish("identifier")
"""
    )
    assert np.asarray(ctx.get("identifier")).tolist() == [1, 2, 3]


def test_get_returns_a_new_object_that_references_the_same_memory(ctx: clara.FastIOContext) -> None:
    """ "This will return a new clara.FastIOAllocation object that references the same underlying memory resource" """
    allocation = ctx.create(10)
    allocation.publish("x")
    first, second = ctx.get("x"), ctx.get("x")
    assert len({id(allocation), id(first), id(second)}) == 3
    assert allocation.data_ptr == first.data_ptr == second.data_ptr


def test_its_metadata_is_a_copy_of_what_was_published(ctx: clara.FastIOContext) -> None:
    """ "has its metadata initialized with a copy of the metadata that was published" """
    allocation = ctx.create(24)
    allocation.set_type_and_dimensions(np.float32, (2, 3))
    allocation.publish("x")
    allocation.set_type_and_dimensions(np.int64, (3,))
    got = ctx.get("x")
    assert (got.type, got.dimensions) == (np.float32, (2, 3))
    got.set_type_and_dimensions(np.uint8, (24,))
    assert (allocation.type, ctx.get("x").type) == (np.int64, np.float32)


def test_what_was_got_acts_as_what_was_created(ctx: clara.FastIOContext) -> None:
    """ "act identically to those returned by FastIOContext.create, and do not have any restrictions on their use" """
    ctx.create(10).publish("x")
    got = ctx.get("x")
    np.asarray(got)[:] = 5
    assert type(got) is type(ctx.create(1)) and not got.read_only
    got.release()
    with pytest.raises(clara.ReleasedError):
        got.publish("y")


def test_its_metadata_can_be_modified(ctx: clara.FastIOContext) -> None:
    """ "The metadata of these objects can be modified" """
    ctx.create(12).publish("x")
    got = ctx.get("x")
    got.set_type_and_dimensions("int32", (3,))
    assert (got.type, got.dimensions) == (np.int32, (3,))


def test_it_can_be_published_again(ctx: clara.FastIOContext, other: clara.FastIOContext) -> None:
    """ "the allocations can be published to the context" """
    ctx.create(10).publish("x")
    got = other.get("x")
    got.publish("y")
    assert ctx.get("y").data_ptr != 0 and np.shares_memory(np.asarray(ctx.get("x")), np.asarray(ctx.get("y")))


def test_it_can_be_used_to_free_the_memory(ctx: clara.FastIOContext, other: clara.FastIOContext) -> None:
    """ "they can be used to free the underlying memory resources with FastIOAllocation.free" """
    ctx.create(10).publish("x")
    other.get("x").free()
    assert ctx.find("x") is None
    gc.collect()
    assert ctx.stats().allocations == 0


def test_get_takes_its_name_by_name(ctx: clara.FastIOContext) -> None:
    """ "def get(self, name)", "Name of the publication to retrieve." """
    ctx.create(10).publish(name="x")
    assert ctx.get(name="x").name == "x"


# publish_array


def test_numpy_arrays_are_published_directly(ctx: clara.FastIOContext) -> None:
    """ "publishes Numpy arrays directly to a Fast I/O context without needing to manually create, initialize, and
    publish a clara.FastIOAllocation object" """
    ctx.publish_array(np.array([[1.5, 2.5]]), "x")
    assert np.asarray(ctx.get("x")).tolist() == [[1.5, 2.5]]


def test_the_memory_is_large_enough_for_the_array(ctx: clara.FastIOContext) -> None:
    """ "Allocates a Fast I/O memory region large enough for the provided numpy array." """
    array = np.ones((100, 100, 33), np.float64)
    ctx.publish_array(array, "x")
    assert ctx.get("x").size >= array.nbytes


def test_the_metadata_matches_that_of_the_array(ctx: clara.FastIOContext) -> None:
    """ "Sets the metadata (type/dimensions) of the Fast I/O allocation to match that of the array." """
    array = np.zeros((4, 5, 6), np.int16)
    ctx.publish_array(array, "x")
    got = ctx.get("x")
    assert (got.type, got.dimensions) == (array.dtype, array.shape)


def test_the_contents_are_copied_to_the_memory(ctx: clara.FastIOContext) -> None:
    """ "Copies the contents of the array to the Fast I/O memory." """
    array = np.arange(1000)
    ctx.publish_array(array, "x")
    array[:] = 0
    assert np.array_equal(np.asarray(ctx.get("x")), np.arange(1000))


def test_it_is_published_under_the_given_identifier(ctx: clara.FastIOContext, other: clara.FastIOContext) -> None:
    """ "Publishes the allocation to the context using the given [identifier]." """
    ctx.publish_array(np.array([1]), "given")
    assert [info.name for info in other.list()] == ["given"]


def test_publish_array_takes_its_parameters_by_name_and_returns_nothing(ctx: clara.FastIOContext) -> None:
    """ "def publish_array(self, array, name)", "No return value." """
    assert ctx.publish_array(array=np.array([1]), name="x") is None
    assert ctx.stats().leases == 0
