#include "support/importer.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/hex.hpp"

namespace fastio::test {
namespace {

ChildOptions pass(const Channel& channel) {
    ChildOptions options;
    options.descriptors = {channel.fd()};
    return options;
}

/// A request in the serving process; the answer's text.
class Requests {
public:
    explicit Requests(DeviceMemory& memory) : memory_(memory) {}

    std::string answer(const Channel::Message& message) {
        std::istringstream words(message.text);
        std::string verb;
        words >> verb;
        if (verb == "open") {
            return open(words, message.descriptors.empty() ? -1 : message.descriptors.front().get());
        }
        if (verb == "read") {
            std::uint64_t offset = 0;
            std::uint64_t bytes = 0;
            words >> offset >> bytes;
            std::vector<std::byte> copy(bytes);
            memory_.copy(copy.data(), data_ + offset, bytes, {});
            return to_hex(copy);
        }
        if (verb == "write") {
            std::uint64_t offset = 0;
            std::string hex;
            words >> offset >> hex;
            const std::vector<std::byte> bytes = from_hex(hex);
            memory_.copy(data_ + offset, bytes.data(), bytes.size(), {});
            return {};
        }
        if (verb == "close") {
            memory_.close(std::exchange(data_, nullptr), bytes_);
            return {};
        }
        throw std::invalid_argument("unknown request '" + message.text + "'");
    }

private:
    std::string open(std::istream& words, int file) {
        std::string hex;
        words >> bytes_ >> hex;
        SlabHandle handle;
        std::ranges::copy(from_hex(hex), std::as_writable_bytes(std::span(&handle, 1)).begin());
        data_ = static_cast<std::byte*>(memory_.open(handle, bytes_, file));
        return std::to_string(reinterpret_cast<std::uintptr_t>(data_));
    }

    DeviceMemory& memory_;
    std::byte* data_ = nullptr;
    std::uint64_t bytes_ = 0;
};

}  // namespace

Importer::Importer(const std::string& device) : Importer(device, Channel::pair()) {}

Importer::Importer(const std::string& device, std::pair<Channel, Channel> ends)
    : channel_(std::move(ends.first)),
      process_(ChildProcess::start(beside_this_program("fastio_test_importer"), {device}, pass(ends.second))) {}

std::string Importer::ask(const std::string& request, std::span<const int> descriptors) {
    const std::string reply = channel_.ask(request, descriptors);
    std::istringstream words(reply);
    std::string verdict;
    words >> verdict;
    if (verdict == "error") {
        int code = 0;
        words >> code;
        throw Error(static_cast<Errc>(code), "in the importer: " + reply);
    }
    std::string rest;
    words >> rest;
    return rest;
}

std::uint64_t Importer::open(const SlabHandle& handle, std::uint64_t bytes, int file) {
    const std::string request = "open " + std::to_string(bytes) + ' ' + to_hex(std::as_bytes(std::span(&handle, 1)));
    const std::array<int, 1> descriptors{file};
    return std::stoull(ask(request, file < 0 ? std::span<const int>{} : std::span<const int>{descriptors}));
}

std::vector<std::byte> Importer::read(std::uint64_t offset, std::uint64_t bytes) {
    return from_hex(ask("read " + std::to_string(offset) + ' ' + std::to_string(bytes)));
}

void Importer::write(std::uint64_t offset, const std::vector<std::byte>& bytes) {
    ask("write " + std::to_string(offset) + ' ' + to_hex(bytes));
}

void Importer::close() {
    ask("close");
}

void serve_importer(Channel channel, DeviceMemory& memory) {
    Requests requests(memory);
    for (;;) {
        const Channel::Message request = channel.hear();
        try {
            channel.say("ok " + requests.answer(request));
        } catch (const Error& error) {
            channel.say("error " + std::to_string(static_cast<int>(error.errc())) + ' ' + error.what());
        }
    }
}

}  // namespace fastio::test
