#pragma once

#include <utility>

namespace fastio::python {

class Members;

/// An object that is in a list as long as it lives, without memory of the list's. Moving it moves its place.
///
/// *Thread safety:* none; the GIL is held.
class Member {
public:
    Member() noexcept = default;
    explicit Member(Members& list) noexcept;
    Member(Member&& other) noexcept { take_place_of(other); }
    Member& operator=(Member&& other) noexcept {
        if (this != &other) {
            leave();
            take_place_of(other);
        }
        return *this;
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() { leave(); }

    void leave() noexcept;
    [[nodiscard]] Member* next() const noexcept { return next_; }

private:
    void take_place_of(Member& other) noexcept;

    Members* list_ = nullptr;
    Member* previous_ = nullptr;
    Member* next_ = nullptr;
};

/// The list. Its members may outlive it.
class Members {
public:
    Members() noexcept = default;
    Members(const Members&) = delete;
    Members& operator=(const Members&) = delete;
    ~Members() {
        while (first_ != nullptr) {
            first_->leave();
        }
    }
    [[nodiscard]] Member* first() const noexcept { return first_; }

private:
    friend class Member;
    Member* first_ = nullptr;
};

inline Member::Member(Members& list) noexcept : list_(&list), next_(list.first_) {
    if (next_ != nullptr) {
        next_->previous_ = this;
    }
    list.first_ = this;
}

inline void Member::leave() noexcept {
    if (list_ == nullptr) {
        return;
    }
    (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    }
    list_ = nullptr;
    previous_ = next_ = nullptr;
}

inline void Member::take_place_of(Member& other) noexcept {
    list_ = std::exchange(other.list_, nullptr);
    previous_ = std::exchange(other.previous_, nullptr);
    next_ = std::exchange(other.next_, nullptr);
    if (list_ == nullptr) {
        return;
    }
    (previous_ != nullptr ? previous_->next_ : list_->first_) = this;
    if (next_ != nullptr) {
        next_->previous_ = this;
    }
}

}  // namespace fastio::python
