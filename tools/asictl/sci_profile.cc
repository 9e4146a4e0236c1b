// SPDX-License-Identifier: GPL-2.0-only
#include "sci_profile.h"

#include <asi/engine.h>
#include <sci/profile.h>

#include <array>
#include <cstring>
#include <new>

#include "failure.h"
#include "kernel_text.h"

namespace asi::ctl {

/// Files are of kernels of any size: every bitmap has room for the largest.
struct SciProfile::Storage {
    struct Record {
        sci_call_record record = {};
        std::array<asi_u64, SCI_TEXT_WORDS(SCI_MAX_TEXT_PAGES)> text = {};
    };

    sci_profile_data data = {};
    std::vector<std::unique_ptr<Record>> records;

    /// What comes out of here passes through code without exceptions.
    static sci_call_record* get(void* ctx, unsigned) noexcept {
        auto& self = *static_cast<Storage*>(ctx);
        try {
            Record& record = *self.records.emplace_back(std::make_unique<Record>());
            record.record.text = record.text.data();
            return &record.record;
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
    sci_profile_storage source() { return {get, this}; }
};

SciProfile::SciProfile() : storage_(std::make_unique<Storage>()) {
    storage_->data.text_pages = SCI_MAX_TEXT_PAGES;
}
SciProfile::~SciProfile() = default;
SciProfile::SciProfile(SciProfile&& other) noexcept = default;
SciProfile& SciProfile::operator=(SciProfile&& other) noexcept = default;

std::optional<PolicyProblem> SciProfile::load(std::string_view text) {
    const sci_profile_storage source = storage_->source();
    sci_profile_error error = {};
    const int result = sci_profile_load(&storage_->data, text.data(), text.size(), &source, &error);
    if (result == 0) return std::nullopt;
    if (result == -ENOMEM) throw std::bad_alloc();
    return to_problem(error);
}

std::string SciProfile::name() const {
    return storage_->data.name;
}

std::string SciProfile::build_id() const {
    return storage_->data.build_id;
}

void SciProfile::rename(const std::string& name) {
    name.copy(storage_->data.name, sizeof(storage_->data.name) - 1);
    storage_->data.name[name.size()] = '\0';
}

unsigned SciProfile::text_pages() const {
    return sci_profile_text_count(&storage_->data);
}

std::vector<CallNeeds> SciProfile::calls() const {
    const sci_profile_data* const data = &storage_->data;
    std::vector<CallNeeds> calls;
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        CallNeeds needs{call, sci_profile_call_text_count(data, call), {}};
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind) {
            std::string access;
            if (sci_profile_has_data(data, call, kind, ASI_ACCESS_READ)) access += 'r';
            if (sci_profile_has_data(data, call, kind, ASI_ACCESS_WRITE)) access += 'w';
            if (!access.empty()) needs.data.emplace_back(asi_kind_name(kind), access);
        }
        if (needs.text_pages != 0 || !needs.data.empty()) calls.push_back(std::move(needs));
    }
    return calls;
}

std::string SciProfile::to_text() const {
    return whole_text([&](char* buffer, std::size_t size) {
        return sci_profile_format(&storage_->data, buffer, size);
    });
}

void SciProfile::add(const SciProfile& other) {
    const sci_profile_storage source = storage_->source();
    const int result = sci_profile_union(&storage_->data, &other.storage_->data, &source);
    if (result == -ENOMEM) throw std::bad_alloc();
    if (result != 0) throw Failure(ExitCode::kRuntime, std::strerror(-result));
}

bool is_profile_name(const std::string& text) {
    return text.find('\0') == std::string::npos && sci_profile_name_ok(text.c_str());
}

std::vector<std::string> split_profiles(std::string_view text) {
    std::vector<std::string> profiles;
    while (!text.empty()) {
        const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
        if (profiles.empty() || text.starts_with(SCI_PROFILE_HEADER)) profiles.emplace_back();
        profiles.back() += text.substr(0, size);
        text.remove_prefix(size);
    }
    return profiles;
}

}  // namespace asi::ctl
