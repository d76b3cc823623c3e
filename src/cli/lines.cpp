#include "cli/lines.hpp"

namespace fastio::cli {

void Lines::add(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::size_t room = kMostLineBytes - unfinished_.size();
        if (end <= room) {
            unfinished_ += bytes.substr(0, end);
            bytes.remove_prefix(end + 1);
        } else if (bytes.size() > room) {
            unfinished_ += bytes.substr(0, room);
            bytes.remove_prefix(room);
        } else {
            unfinished_ += bytes;
            return;
        }
        give(unfinished_);
        unfinished_.clear();
    }
}

void Lines::finish() {
    if (!unfinished_.empty()) {
        give(unfinished_);
        unfinished_.clear();
    }
}

void Lines::give(std::string_view line) {
    last_.emplace_back(line);
    if (last_.size() > kRemembered) {
        last_.pop_front();
    }
    on_line_(line);
}

}  // namespace fastio::cli
