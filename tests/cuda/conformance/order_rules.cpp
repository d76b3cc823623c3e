// Words of streams, contents, no driver: rules 59 to 67.
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "calls.hpp"
#include "device/descriptor.hpp"
#include "peer.hpp"
#include "rule.hpp"
#include "words.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);

std::string word_of_own_memory() {
    const Memory memory(kBlock);
    const Stream stream;
    must(fill(memory.data(), 0, kBlock), "cudaMemset");
    const cudaError_t code = write_word(stream.get(), memory.data(), 7);
    must(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
    return code == cudaSuccess ? read_byte(memory.data()) : text(code);
}

/// A stream waits for 7 in `word`; then `write` has another process write it.
std::string awaited(void* word, const std::function<void()>& write) {
    const Stream stream;
    if (const cudaError_t code = wait_for_word(stream.get(), word, 7)) {
        return text(code);
    }
    const std::string before = text(cudaStreamQuery(stream.get()));
    write();
    return before + " " + text(cudaStreamSynchronize(stream.get()));
}

std::string word_of_an_import() {
    Peer owner;
    owner.must("malloc a " + kSize);
    owner.must("fill a 0 " + kSize);
    return awaited(opened(owner.must("export a")), [&] { owner.must("write-word a 7"); });
}

/// A page that another process has pinned too.
struct Sharing {
    Descriptor file = SharedWords::make_file();
    SharedWords words{file.get()};
    Peer other{};

    Sharing() {
        const std::vector<int> descriptors{file.get()};
        other.must("share", descriptors);
    }
};

std::string word_of_shared_host_memory() {
    Sharing both;
    const std::string waited = awaited(both.words.on_device(), [&] { both.other.must("write-shared-word 7"); });
    return waited + ", the host reads " + std::to_string(both.words.first());
}

std::string contents_before_a_word() {
    Sharing both;
    both.other.must("malloc a " + kSize);
    both.other.must("fill a 42 " + kSize);
    const std::byte* const data = opened(both.other.must("export a"));
    both.other.must("hold first");
    both.other.must("fill-later a 43");
    both.other.must("write-shared-word 7");
    const Stream stream;
    must(wait_for_word(stream.get(), both.words.on_device(), 7), "cuStreamWaitValue64");
    must(cudaMemcpyAsync(both.words.byte_on_host(), data + kBlock - 1, 1, cudaMemcpyDeviceToHost, stream.get()),
         "cudaMemcpyAsync");
    const std::string before = text(cudaStreamQuery(stream.get()));
    both.other.must("let-go first");
    const std::string after = text(cudaStreamSynchronize(stream.get()));
    return before + " " + after + " " + std::to_string(*both.words.byte_on_host());
}

std::string word_of_a_dead_process() {
    Sharing both;
    both.other.must("hold first");
    both.other.must("write-shared-word 7");
    const Stream stream;
    must(wait_for_word(stream.get(), both.words.on_device(), 7), "cuStreamWaitValue64");
    both.other.kill();
    const auto query = [&] { return cudaStreamQuery(stream.get()); };
    const std::string before = text(poll(query, cudaErrorNotReady, std::chrono::milliseconds(300)));
    both.words.set_first(7);
    return before + " " + text(cudaStreamSynchronize(stream.get()));
}

std::string stream_words_attribute() {
    constexpr auto kCanUse64BitWords = static_cast<cudaDeviceAttr>(122);
    int can = 0;
    const cudaError_t code = cudaDeviceGetAttribute(&can, kCanUse64BitWords, 0);
    return text(code, std::to_string(can));
}

std::string pinned_read_only() {
    int can = 0;
    must(cudaDeviceGetAttribute(&can, cudaDevAttrHostRegisterReadOnlySupported, 0), "cudaDeviceGetAttribute");
    void* const page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, SharedWords::make_file().get(), 0);
    const std::string code = text(cudaHostRegister(page, 4096, cudaHostRegisterMapped | cudaHostRegisterReadOnly));
    return code + (can == 1 ? ", said to be possible" : ", said not to be possible");
}

/// Whether all ones, which an unsigned comparison takes for more than any value, end a wait for 7.
std::string cyclic_comparison() {
    constexpr std::chrono::milliseconds kWhile{300};
    const Memory memory(kBlock);
    const Stream waiting;
    const Stream writing;
    must(fill(memory.data(), 0xFF, kBlock), "cudaMemset");
    if (const cudaError_t code = wait_for_word(waiting.get(), memory.data(), 7)) {
        return text(code);
    }
    const std::string before = text(poll([&] { return cudaStreamQuery(waiting.get()); }, cudaErrorNotReady, kWhile));
    must(write_word(writing.get(), memory.data(), 7), "cuStreamWriteValue64");
    return before + " " + text(cudaStreamSynchronize(waiting.get()));
}

/// How often a reader in this process saw the round before in what another one had uploaded from pageable memory.
std::string stale_uploads(const char* synchronise) {
    constexpr int kRounds = 200;
    constexpr std::size_t kSmall = 32 << 10U;
    constexpr std::size_t kLarge = 8 * kMiB;
    Peer writer;
    writer.must("malloc a " + std::to_string(kLarge));
    writer.must("fill a 255 " + std::to_string(kLarge));
    const std::byte* const data = opened(writer.must("export a"));
    int stale = 0;
    for (int round = 0; round < kRounds; ++round) {
        const std::size_t bytes = round % 2 == 0 ? kSmall : kLarge;
        writer.must("upload a " + std::to_string(round) + " " + std::to_string(bytes) + synchronise);
        stale += read_byte(data + bytes - 1) == "0 " + std::to_string(round) ? 0 : 1;
    }
    return std::to_string(stale) + " of " + std::to_string(kRounds) + " stale";
}
std::string synchronised_uploads() {
    return stale_uploads(" 1");
}
std::string bare_uploads() {
    return stale_uploads(" 0");
}

/// Whether a process finds what another one left. It looks at as much memory as a driver may have mixed it with.
std::string left_over() {
    constexpr std::size_t kBytes = 64 * kMiB;
    constexpr int kPieces = 8;
    constexpr int kLeft = 0x5A;
    {
        Peer other;
        other.must("malloc a " + std::to_string(kBytes));
        other.must("fill a " + std::to_string(kLeft) + " " + std::to_string(kBytes));
        other.kill();
    }
    bool zeros = true;
    std::vector<char> contents(kBytes);
    for (int piece = 0; piece < kPieces; ++piece) {
        void* data = nullptr;  // kept: the next one shall be elsewhere
        must(cudaMalloc(&data, kBytes), "cudaMalloc");
        must(cudaMemcpy(contents.data(), data, kBytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
        if (std::search_n(contents.begin(), contents.end(), kMiB, kLeft) != contents.end()) {
            return "seen";
        }
        zeros = zeros && std::ranges::all_of(contents, [](char byte) { return byte == 0; });
    }
    return zeros ? "not seen, all zeros" : "not seen";
}

std::string free_under_work() {
    Memory memory(kBlock);
    std::string code;
    const std::string waits = waits_for_work(memory.data(), [&] { code = text(memory.free()); });
    return code + " " + waits;
}

/// An operator that met a new slab while a stream of it waits for another one would wait with it.
std::string open_under_work() {
    Peer owner;
    owner.must("malloc a " + kSize);
    const std::string handle = owner.must("export a");
    const Memory memory(kBlock);
    std::string code;
    const std::string waits = waits_for_work(memory.data(), [&] {
        void* import = nullptr;
        code = text(open_memory(&import, handle));
    });
    return code + " " + waits;
}

std::string without_a_driver() {
    Peer other({.environment = {{"FASTIO_EMU_DRIVER", "missing"}}, .launcher = {}});
    std::string answer = other.ask("errors");
    if (answer.starts_with("0 ") || answer.starts_with("100 ")) {
        throw Skipped("there is a driver");
    }
    return answer;
}

std::string without_a_visible_gpu() {
    Peer other({.environment = {{"CUDA_VISIBLE_DEVICES", ""}}, .launcher = {}});
    return other.ask("count");
}

constexpr Rule kRules[] = {
    {"59a", Grade::documented, "a stream writes a word of device memory", "0 7", kSame, word_of_own_memory},
    {"59b", Grade::unknown, "a stream waits for a word of imported memory", "600 0", "600 0", word_of_an_import},
    {"59c", Grade::inferred, "a stream waits for a word of shared, pinned host memory", "600 0, the host reads 7",
     kSame, word_of_shared_host_memory},
    {"59d", Grade::documented, "a stream's wait for 7 or more, while the word is all ones, and then 7", "600 0", kSame,
     cyclic_comparison},
    {"59e", Grade::inferred, "a stream reads what another process's stream wrote before the word", "600 0 43", kSame,
     contents_before_a_word},
    {"59f", Grade::unknown, "a wait for a killed process's word, and then the host writes it", "600 0", "600 0",
     word_of_a_dead_process},
    {"59g", Grade::unknown, "attribute 122, of 64-bit words of streams", "0 1", "0 1", stream_words_attribute},
    {"59h", Grade::unknown, "pinning a page that can only be read", "", kNotModelled, pinned_read_only},
    {"61a", Grade::documented, "uploads from pageable memory, synchronised, and another process reads",
     "0 of 200 stale", kSame, synchronised_uploads},
    {"61b", Grade::unknown, "the same, not synchronised", "", "0 of 200 stale", bare_uploads},
    {"64", Grade::unknown, "what a killed process had in its memory, by the next owner", "", "seen", left_over, true,
     true},
    {"65", Grade::unknown, "cudaFree under work in a stream", "0 waits", "0 waits", free_under_work, true, true},
    {"65b", Grade::unknown, "opening a handle under work in a stream", "", "0 does not wait", open_under_work, true,
     true},
    {"67a", Grade::tested, "without a driver: a call, cudaGetLastError, and again", "35 35 35, output untouched", kSame,
     without_a_driver, false},
    {"67b", Grade::documented, "without a visible GPU", "100", kSame, without_a_visible_gpu},
};

}  // namespace

std::span<const Rule> order_rules() {
    return kRules;
}

}  // namespace fastio::conformance
