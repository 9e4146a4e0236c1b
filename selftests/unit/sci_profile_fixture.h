// SPDX-License-Identifier: GPL-2.0-only
// A profile of system calls with its storage.
#ifndef SELFTESTS_UNIT_SCI_PROFILE_FIXTURE_H
#define SELFTESTS_UNIT_SCI_PROFILE_FIXTURE_H

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "sci/profile.h"

namespace sim {

inline const std::string kId = "0123456789abcdef0123456789abcdef01234567";
inline const std::string kHead = "asi-sci-profile 1\nbuild-id " + kId + "\nname web\n";  // 3 lines

/// A profile with its storage.
class Profile {
  public:
    explicit Profile(asi_u32 text_pages = SCI_MAX_TEXT_PAGES) {
        data_.text_pages = text_pages;
        storage_ = {get, this};
    }
    Profile(const Profile&) = delete;
    Profile& operator=(const Profile&) = delete;

    sci_profile_data* operator->() { return &data_; }
    operator sci_profile_data*() { return &data_; }
    const sci_profile_storage* storage() { return &storage_; }
    /// How many records @storage still gives.
    void limit(unsigned records) { left_ = records; }
    /// A record for @call, as a learning kernel makes one.
    void add(unsigned call) { data_.call[call] = get(this, call); }

    int load(const std::string& text, sci_profile_error* error = nullptr) {
        // With a guard page's exactness under ASan: no NUL, no slack.
        const std::unique_ptr<char[]> exact(new char[text.size()]);
        std::memcpy(exact.get(), text.data(), text.size());
        return sci_profile_load(&data_, exact.get(), text.size(), &storage_, error);
    }
    std::string text() const {
        std::string out(sci_profile_format(&data_, nullptr, 0), '\0');
        EXPECT_EQ(sci_profile_format(&data_, out.data(), out.size() + 1), out.size());
        return out;
    }

  private:
    static sci_call_record* get(void* ctx, unsigned call) {
        auto& self = *static_cast<Profile*>(ctx);
        EXPECT_LT(call, static_cast<unsigned>(SCI_MAX_CALLS));
        EXPECT_EQ(self.data_.call[call], nullptr);
        if (self.left_-- == 0) return nullptr;
        self.bitmaps_.emplace_back(new asi_u64[SCI_TEXT_WORDS(self.data_.text_pages)]());
        self.records_.emplace_back(new sci_call_record());
        self.records_.back()->text = self.bitmaps_.back().get();
        return self.records_.back().get();
    }

    sci_profile_data data_ = {};
    sci_profile_storage storage_ = {};
    unsigned left_ = SCI_MAX_CALLS;
    std::vector<std::unique_ptr<asi_u64[]>> bitmaps_;
    std::vector<std::unique_ptr<sci_call_record>> records_;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_SCI_PROFILE_FIXTURE_H
