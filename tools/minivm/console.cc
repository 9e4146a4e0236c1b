// SPDX-License-Identifier: GPL-2.0-only
#include "console.h"

#include <unistd.h>

#include <utility>

namespace asi {
namespace {

// A write per character would cost more than the exit that brought it.
constexpr size_t kFlushAt = 256;

}  // namespace

Console::Console(Echo echo, std::string awaited) : echo_(echo), awaited_(std::move(awaited)) {}

Console::~Console() {
    flush();
}

void Console::put(char character) {
    if (echo_ == Echo::kStdout) {
        pending_.push_back(character);
        if (character == '\n' || pending_.size() >= kFlushAt) flush();
    }
    if (awaited_.empty() || seen_) return;
    recent_.push_back(character);
    if (recent_.size() > awaited_.size()) recent_.erase(0, 1);
    seen_ = recent_ == awaited_;
}

void Console::flush() {
    const char* data = pending_.data();
    size_t left = pending_.size();
    while (left > 0) {
        const ssize_t written = ::write(STDOUT_FILENO, data, left);
        // A reader that went away must not keep the guest from ending.
        if (written <= 0) break;
        data += written;
        left -= written;
    }
    pending_.clear();
}

}  // namespace asi
