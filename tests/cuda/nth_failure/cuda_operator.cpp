#include "nth_failure/cuda_operator.hpp"

#include <cuda_runtime_api.h>

#include <array>
#include <fastio/fastio.hpp>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cuda/device/gate.hpp"
#include "cuda/device/stream_operator.hpp"
#include "gpu/upload.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/leak_check.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kBytes = 100'000;
constexpr std::uint64_t kUploadBytes = gpu::Upload::kLeastBytes;
constexpr int kMorePublicationsThanWords = 64 + 1;  // of one chunk: with fewer, cudaEventQuery is never called

/// What the emulator keeps for as long as the process lives: it is there before anything is counted.
void use_cuda() {
    for (const int gpu : {1, 0}) {
        void* memory = nullptr;
        if (cudaSetDevice(gpu) != cudaSuccess || cudaMalloc(&memory, 1) != cudaSuccess ||
            cudaMemset(memory, 0, 1) != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess ||
            cudaFree(memory) != cudaSuccess) {
            throw std::runtime_error("CUDA does not work");
        }
    }
}

/// What CUDA was asked for and did not get back. A call that gives back counts where it fails, too: some are not worth
/// another try.
class CudaBalance {
public:
    explicit CudaBalance(const CudaFault& fault) : fault_(fault) {
        for (const auto& [get, give_back] : kPairs) {
            before_.emplace_back(calls(get), calls(give_back));
        }
        before_fault_ = calls(fault_.function);
    }

    [[nodiscard]] bool fault_was_met() const { return fault_.nth != 0 && calls_of_faulty() >= fault_.nth; }

    [[nodiscard]] std::string difference() const {
        std::ostringstream text;
        for (std::size_t i = 0; i < kPairs.size(); ++i) {
            const auto& [get, give_back] = kPairs[i];
            const std::uint64_t got = calls(get) - before_[i].first - faults_of(get);
            const std::uint64_t given_back = calls(give_back) - before_[i].second;
            const bool is_balanced =
                given_back + most_not_asked(get) >= got && given_back <= got + faults_of(give_back);
            if (!is_balanced) {
                text << got << " times " << get << ", " << given_back << " times " << give_back << "; ";
            }
        }
        return text.str();
    }

private:
    static constexpr std::array<std::pair<const char*, const char*>, 6> kPairs{{
        {"cudaEventCreateWithFlags", "cudaEventDestroy"},
        {"cudaHostAlloc", "cudaFreeHost"},
        {"cudaHostRegister", "cudaHostUnregister"},
        {"cudaIpcOpenMemHandle", "cudaIpcCloseMemHandle"},
        {"cudaMalloc", "cudaFree"},
        {"cudaStreamCreateWithFlags", "cudaStreamDestroy"},
    }};

    [[nodiscard]] std::uint64_t faults_of(std::string_view function) const {
        if (function != fault_.function || !fault_was_met()) {
            return 0;
        }
        return fault_.for_ever ? calls_of_faulty() - fault_.nth + 1 : 1;
    }
    // How often CUDA was not asked to take something back, because the GPU could not be made current. The service does
    // not ask again for a slab of its own: it counts it as reserved from then on, and says so.
    [[nodiscard]] std::uint64_t most_not_asked(std::string_view get) const {
        const bool is_slab = get == "cudaMalloc" || get == "cudaIpcOpenMemHandle";
        if (!is_slab || (fault_.function != "cudaGetDevice" && fault_.function != "cudaSetDevice")) {
            return 0;
        }
        return fault_.for_ever ? calls(std::string(get)) : get == "cudaMalloc" ? 1 : 0;
    }
    [[nodiscard]] static std::uint64_t calls(const std::string& function) {
        return cudart_emulator::find()->calls(function.c_str());
    }
    [[nodiscard]] std::uint64_t calls_of_faulty() const { return calls(fault_.function) - before_fault_; }

    const CudaFault fault_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> before_;
    std::uint64_t before_fault_ = 0;
};

/// What the neighbour has published and its stream has not completed, for as long as this lives.
class LateContents {
public:
    explicit LateContents(StreamOperator& neighbour) : neighbour_(neighbour) {
        tell("create late 64");
        tell("hold");
        tell("publish late late");
    }
    LateContents(const LateContents&) = delete;
    LateContents& operator=(const LateContents&) = delete;
    ~LateContents() {
        static_cast<void>(neighbour_.ask("go"));
        static_cast<void>(neighbour_.ask("free late"));
    }

private:
    void tell(const std::string& request) {
        if (const std::string answer = neighbour_.ask(request); answer != "ok") {
            throw std::runtime_error("the neighbour says " + answer);
        }
    }
    StreamOperator& neighbour_;
};

class CudaOperator {
public:
    explicit CudaOperator(const CudaWork& work) : work_(work) {}

    void join() { context_.emplace(work_.options); }
    void leave() { context_.reset(); }
    [[nodiscard]] bool has_joined() const { return context_.has_value(); }

    /// Everything between join and leave. Errors of the product come out; wrong contents are kept for wrong().
    void work() {
        if (context_->device() == "host") {  // "auto", where CUDA could not count its GPUs
            use_without_a_stream();
            return;
        }
        try {
            use_without_a_stream();
            use_in_streams();
            use_default_stream();
            use_another_gpu();
            if (work_.neighbour != nullptr) {
                wait_for_neighbour();
            }
            if (work_.more.upload) {
                upload();
            }
            if (work_.more.many_publications) {
                publish_often();
            }
        } catch (...) {
            settle();  // a stream may still read and write what is here
            throw;
        }
        settle();
    }

    /// Returns once the service counts nothing of this context any more: what is dropped without a stream takes a
    /// while. The process's alarm is the watchdog.
    void expect_nothing_held() {
        for (;;) {
            const ContextStats stats = context_->stats();
            if (stats.own_leases + stats.leases + stats.allocations + stats.publications == 0) {
                return;
            }
        }
    }

    [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
    void use_without_a_stream() {
        Allocation made = context_->create(kBytes, {.zero = true});
        made.copy_from(sent_.data(), kBytes);
        made.publish("name", {.replace = true});
        Allocation got = context_->get("name");
        got.copy_to(received_.data(), kBytes);
        expect_received("without a stream");
        got.release();
        made.free();
    }

    void use_in_streams() {
        const Stream first = first_.get();
        const Stream second = second_.get();
        Allocation made = context_->create(kBytes, {.stream = first, .zero = true});
        made.copy_from(sent_.data(), kBytes, {.stream = first});
        made.publish("name", {.stream = first, .replace = true});
        Allocation got = context_->get("name", {.stream = second});
        got.copy_to(received_.data(), kBytes, {.stream = second});
        got.order(second, first);
        got.check();
        got.release(second);
        made.free(first);
        settle();
        expect_received("in streams");
    }

    void use_default_stream() {
        const Stream legacy = nullptr;
        Allocation made = context_->create(kBytes, {.stream = legacy});
        made.copy_from(sent_.data(), kBytes, {.stream = legacy});
        made.publish("name", {.stream = legacy, .replace = true});
        context_->get("name").copy_to(received_.data(), kBytes);
        expect_received("in the default stream");
        made.free(legacy);
    }

    void use_another_gpu() {
        Allocation made = context_->create(kBytes, {.device = "cuda:1", .zero = true});
        made.copy_from(sent_.data(), kBytes);
        made.publish("name", {.replace = true});
        context_->get("name").copy_to(received_.data(), kBytes);
        expect_received("on another GPU");
        made.free();
    }

    // The stream waits for a word of another process. Where streams cannot, the host would, for what comes later.
    void wait_for_neighbour() {
        if (context_->stats().stream_ordering != StreamOrdering::memory_operations) {
            return;
        }
        const LateContents late(*work_.neighbour);
        context_->get("late", {.stream = second_.get()}).release(second_.get());
    }

    void upload() {
        const std::vector<std::uint8_t> large(kUploadBytes, 7);
        context_->publish_array(
            {.data = large.data(), .type = uint8, .dimensions = {static_cast<std::int64_t>(kUploadBytes)}}, "name",
            {.replace = true});
        Allocation got = context_->get("name");
        got.copy_to(received_.data(), kBytes, {.offset = kUploadBytes - kBytes});
        expect_received("of an upload");
        got.free();
    }

    void publish_often() {
        Allocation made = context_->create(kBytes);
        for (int i = 0; i < kMorePublicationsThanWords; ++i) {
            made.publish("name", {.stream = first_.get(), .replace = true});
        }
        made.free(first_.get());
    }

    // Asks with a function that the product does not call.
    void settle() noexcept {
        for (const TestStream* stream : {&first_, &second_}) {
            while (cudaStreamQuery(stream->get()) == cudaErrorNotReady) {
            }
        }
    }

    void expect_received(const char* where) {
        if (received_ != sent_) {
            wrong_ += std::string("wrong bytes ") + where + "; ";
        }
        received_.assign(kBytes, 0);
    }

    const CudaWork& work_;
    const std::vector<std::uint8_t> sent_ = std::vector<std::uint8_t>(kBytes, 7);
    std::vector<std::uint8_t> received_ = std::vector<std::uint8_t>(kBytes);
    TestStream first_;
    TestStream second_;
    std::optional<Context> context_;
    std::string wrong_;
};

/// What `call` throws that it may not; empty if it throws nothing.
template <class Call>
std::string error_of(const char* at, Call call) {
    try {
        call();
        return "";
    } catch (const std::exception& error) {
        return kDoesNotWork + at + ": " + error.what() + "; ";
    }
}

// Who could not say bye keeps the lifeline for as long as the process lives, so that the service knows when that ends.
std::string left_over(const std::string& difference, bool may_keep_lifeline) {
    std::string wrong;
    std::istringstream lines(difference);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("is open: socket:") != std::string::npos && std::exchange(may_keep_lifeline, false)) {
            continue;
        }
        wrong += "left over: " + line + "; ";
    }
    return wrong;
}

}  // namespace

std::shared_ptr<StreamOperator> start_neighbour(const std::string& socket) {
    return std::make_shared<StreamOperator>(socket);
}

std::string work_with_fault(const CudaWork& work, const CudaFault& fault) {
    use_cuda();
    CudaOperator one(work);
    const LeakCheck leaks;
    const CudaBalance balance(fault);
    const cudart_emulator::Api& api = *cudart_emulator::find();
    api.fail_call(fault.function.c_str(), kOutOfMemory, fault.nth, fault.for_ever ? 1 : 0);
    std::string wrong;
    bool failed = false;
    try {
        one.join();
        one.work();
    } catch (const Error& error) {
        failed = true;
        if (error.what() == std::string()) {
            wrong += "an error without a text; ";
        }
    } catch (const std::exception& error) {
        wrong += std::string("an error without a type: ") + error.what() + "; ";
    }
    if (failed && !balance.fault_was_met()) {
        wrong += "failed without a fault; ";
    }
    if (balance.fault_was_met() && !fault.for_ever && one.has_joined()) {
        wrong += error_of("the same Context", [&] {
            one.work();
            one.expect_nothing_held();
        });
    }
    one.leave();
    if (balance.fault_was_met() && !fault.for_ever) {
        wrong += error_of("a new Context", [&] {
            one.join();
            one.work();
        });
        one.leave();
    }
    const bool met = balance.fault_was_met();
    wrong += one.wrong() + left_over(leaks.difference(), met) + balance.difference();
    return wrong + (met ? "+" : "");
}

std::string work_without_fault(const CudaWork& work) {
    CudaOperator one(work);
    const std::string wrong = error_of("all", [&] {
        one.join();
        one.work();
    });
    one.leave();
    return wrong + one.wrong();
}

}  // namespace fastio::test
