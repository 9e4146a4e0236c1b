// SPDX-License-Identifier: GPL-2.0-only
// Any text is either refused, changing nothing and saying why, or gives a
// profile that its own text form describes completely.
#include <sci/profile.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

/// A profile with its storage, for a kernel of @text_pages.
class Profile {
  public:
    explicit Profile(asi_u32 text_pages) { data_.text_pages = text_pages; }

    int load(const char* text, std::size_t size, sci_profile_error* error) {
        const sci_profile_storage storage = {get, this};
        return sci_profile_load(&data_, text, size, &storage, error);
    }
    [[nodiscard]] std::string text() const {
        std::string form(sci_profile_format(&data_, nullptr, 0), '\0');
        require(sci_profile_format(&data_, form.data(), form.size() + 1) == form.size());
        return form;
    }
    [[nodiscard]] bool is_empty() const {
        return sci_profile_call_count(&data_) == 0 && data_.name[0] == '\0' &&
               data_.build_id[0] == '\0';
    }

  private:
    static sci_call_record* get(void* ctx, unsigned call) {
        auto& self = *static_cast<Profile*>(ctx);
        require(call < SCI_MAX_CALLS && !self.records_[call]);
        self.bitmaps_[call].reset(new asi_u64[SCI_TEXT_WORDS(self.data_.text_pages)]());
        self.records_[call].reset(new sci_call_record());
        self.records_[call]->text = self.bitmaps_[call].get();
        return self.records_[call].get();
    }

    sci_profile_data data_ = {};
    std::unique_ptr<asi_u64[]> bitmaps_[SCI_MAX_CALLS];
    std::unique_ptr<sci_call_record> records_[SCI_MAX_CALLS];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const asi_u32 text_pages : {asi_u32{SCI_MAX_TEXT_PAGES}, asi_u32{100}}) {
        Profile profile(text_pages);
        sci_profile_error error;
        std::memset(&error, 0xff, sizeof(error));
        const int result = profile.load(reinterpret_cast<const char*>(data), size, &error);
        require(std::memchr(error.message, '\0', sizeof(error.message)) != nullptr);
        if (result != 0) {
            require(profile.is_empty());
            require(error.line > 0 && error.message[0] != '\0');
            for (const char* c = error.message; *c != '\0'; ++c) require(*c >= ' ' && *c <= '~');
            continue;
        }
        require(error.line == 0 && error.message[0] == '\0');
        const std::string form = profile.text();
        Profile again(text_pages);
        require(again.load(form.data(), form.size(), &error) == 0);
        require(again.text() == form);
    }
    return 0;
}
