// SPDX-License-Identifier: GPL-2.0-only
#include "console.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "text.h"

namespace asi {

namespace {

constexpr size_t kRecentBytes = 65536;

bool contains(std::string_view line, std::string_view words) {
    return line.find(words) != std::string_view::npos;
}

}  // namespace

Console::Console(const std::string& log_path, bool is_shown)
    : log_path_(log_path), is_shown_(is_shown) {
    log_ = open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (log_ < 0) throw system_error(log_path, errno);
}

Console::~Console() {
    close(log_);
}

void Console::append(std::string_view bytes) {
    // A full disk must not stop the run: the status matters more than the log.
    (void)!write(log_, bytes.data(), bytes.size());
    if (is_shown_) (void)!write(STDERR_FILENO, bytes.data(), bytes.size());
    recent_.append(bytes);
    if (recent_.size() > 2 * kRecentBytes) recent_.erase(0, recent_.size() - kRecentBytes);
    for (const char character : bytes) {
        if (character == '\n') {
            read_line(line_);
            line_.clear();
        } else if (character != '\r') {
            line_.push_back(character);
        }
    }
}

void Console::read_line(std::string_view line) {
    if (contains(line, "] Linux version ")) boots_++;
    if (contains(line, "---[ end Kernel panic")) {
        panic_is_over_ = true;
    } else if (panic_.empty() && contains(line, "Kernel panic - not syncing")) {
        panic_ = line;
    }
}

std::string Console::tail(size_t lines) const {
    std::string text = recent_;
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
    if (!text.empty() && text.back() != '\n') text.push_back('\n');
    size_t start = text.size();
    for (size_t line = 0; line <= lines; line++) {
        if (start == 0) return text;
        const size_t before = text.rfind('\n', start - 1);
        if (before == std::string::npos) return text;
        start = before;
    }
    return text.substr(start + 1);
}

}  // namespace asi
