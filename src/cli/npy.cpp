#include "cli/npy.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "cli/fail.hpp"
#include "cli/output_file.hpp"

namespace fastio::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "data is exchanged little-endian and not converted");

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;  // a multiple of every element's size

/// Reverses each number. A complex element is two of them.
void swap_bytes(std::byte* data, std::uint64_t bytes, DataType type) {
    const std::size_t width = type.size_bytes() / (type.code == TypeCode::complex ? 2 : 1);
    for (std::uint64_t i = 0; i < bytes; i += width) {
        std::reverse(data + i, data + i + width);
    }
}

/// Walks the elements of an array in Fortran order and says where each belongs in C order.
class FortranWalk {
public:
    explicit FortranWalk(std::span<const std::int64_t> shape)
        : shape_(shape), index_(shape.size()), step_(shape.size()) {
        std::uint64_t step = 1;
        for (std::size_t i = shape.size(); i-- > 0;) {
            step_[i] = step;
            step *= static_cast<std::uint64_t>(shape[i]);
        }
    }

    /// The present element's number in C order; moves on to the next.
    std::uint64_t next() {
        const std::uint64_t here = place_;
        for (std::size_t i = 0; i < shape_.size(); ++i) {
            place_ += step_[i];
            if (++index_[i] < shape_[i]) {
                break;
            }
            place_ -= step_[i] * static_cast<std::uint64_t>(shape_[i]);
            index_[i] = 0;
        }
        return here;
    }

private:
    std::span<const std::int64_t> shape_;
    std::vector<std::int64_t> index_;
    std::vector<std::uint64_t> step_;  // elements in C order from one index to the next
    std::uint64_t place_ = 0;
};

}  // namespace

NpyReader::NpyReader(const std::filesystem::path& file)
    : file_(file.string()), fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_) {
        fail(Errc::io_error, "cannot open {}: {}", file_, os_error());
    }
    const std::string start = read_text(kNpyMagic.size() + 2, "start");
    if (!start.starts_with(kNpyMagic)) {
        fail(Errc::corrupt_input, "cannot read {}: it does not start like a .npy file; save it with numpy.save", file_);
    }
    const auto byte = [](const std::string& text, std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned major = byte(start, 6);
    const unsigned minor = byte(start, 7);
    if (major < 1 || major > 3 || minor != 0) {
        fail(Errc::unsupported, "cannot take {}: its format version is {}.{}, and 1.0, 2.0 and 3.0 are known", file_,
             major, minor);
    }
    const std::size_t length_bytes = major == 1 ? 2 : 4;
    const std::string length_text = read_text(length_bytes, "header's length");
    std::size_t length = 0;
    for (std::size_t i = length_bytes; i-- > 0;) {
        length = length << 8 | byte(length_text, i);
    }
    if (length > kMaxNpyHeaderBytes) {
        fail(Errc::corrupt_input, "cannot read {}: it claims a header of {} bytes, and at most {} are allowed", file_,
             length, kMaxNpyHeaderBytes);
    }
    header_ = parse_npy_header(read_text(length, "header"), file_);

    struct ::stat status {};
    if (::fstat(fd_.get(), &status) != 0) {
        fail(Errc::io_error, "cannot read {}: {}", file_, os_error());
    }
    const std::uint64_t data_start = kNpyMagic.size() + 2 + length_bytes + length;
    if (S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) != data_start + header_.size_bytes()) {
        fail(Errc::corrupt_input,
             "cannot read {}: its header promises {} bytes of data after byte {}, and there are {}", file_,
             header_.size_bytes(), data_start, static_cast<std::uint64_t>(status.st_size) - data_start);
    }
}

std::size_t NpyReader::read_some(std::byte* destination, std::size_t bytes) {
    for (;;) {
        const ssize_t got = ::read(fd_.get(), destination, std::min(bytes, std::size_t{1} << 30));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            fail(Errc::io_error, "cannot read {}: {}", file_, os_error());
        }
    }
}

std::string NpyReader::read_text(std::size_t bytes, const char* what) {
    std::string text(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) {
        const std::size_t some = read_some(reinterpret_cast<std::byte*>(text.data()) + got, bytes - got);
        if (some == 0) {
            fail(Errc::corrupt_input, "cannot read {}: it ends {} bytes into its {} of {} bytes", file_, got, what,
                 bytes);
        }
        got += some;
    }
    return text;
}

void NpyReader::read_exactly(std::byte* destination, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t some = read_some(destination, bytes);
        if (some == 0) {
            fail(Errc::corrupt_input, "cannot read {}: it ends after {} of {} bytes of data", file_, data_bytes_read_,
                 header_.size_bytes());
        }
        destination += some;
        bytes -= some;
        data_bytes_read_ += some;
    }
}

void NpyReader::read_fortran_order(std::byte* destination) {
    const std::size_t element = header_.type.size_bytes();
    std::vector<std::byte> chunk(std::min<std::uint64_t>(kChunkBytes, header_.size_bytes()));
    FortranWalk walk(header_.shape);
    for (std::uint64_t left = header_.size_bytes(); left > 0;) {
        const std::size_t bytes = std::min<std::uint64_t>(left, chunk.size());
        read_exactly(chunk.data(), bytes);
        for (std::size_t i = 0; i < bytes; i += element) {
            std::memcpy(destination + walk.next() * element, chunk.data() + i, element);
        }
        left -= bytes;
    }
}

void NpyReader::read_into(std::byte* destination) {
    // With one dimension, or none, both orders are the same.
    if (header_.fortran_order && header_.shape.size() > 1) {
        read_fortran_order(destination);
    } else {
        read_exactly(destination, header_.size_bytes());
    }
    if (header_.big_endian) {
        swap_bytes(destination, header_.size_bytes(), header_.type);
    }
    std::byte more{};
    if (read_some(&more, 1) != 0) {
        fail(Errc::corrupt_input, "cannot read {}: it goes on after its {} bytes of data", file_, header_.size_bytes());
    }
}

void write_npy(const std::filesystem::path& file, DataType type, std::span<const std::int64_t> dimensions,
               std::span<const std::byte> data) {
    const std::string preamble = format_npy_preamble(type, dimensions);
    OutputFile out(file);
    out.write(std::as_bytes(std::span(preamble)));
    out.write(data);
    out.commit();
}

}  // namespace fastio::cli
