// SPDX-License-Identifier: GPL-2.0-only
#include "syscalls.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "failure.h"

namespace asi::ctl {
namespace {

struct Call {
    std::string_view name;
    unsigned number;
};

constexpr Call kCalls[] = {
#include "syscall_names.inc"
};

[[noreturn]] void refuse(const std::string& message) {
    throw Failure(ExitCode::kRunFailed, "--syscalls: " + message);
}

void apply(CallSet& calls, std::string_view word) {
    const bool is_taken_away = word.starts_with('!');
    if (is_taken_away) word.remove_prefix(1);
    if (word == "all") {
        is_taken_away ? calls.reset() : calls.set();
        return;
    }
    const auto number = find_call(word);
    if (!number) refuse("unknown system call '" + std::string(word) + "'");
    calls.set(*number, !is_taken_away);
}

}  // namespace

std::string call_name(unsigned number) {
    const auto* call = std::find_if(std::begin(kCalls), std::end(kCalls),
                                    [&](const Call& c) { return c.number == number; });
    return call != std::end(kCalls) ? std::string(call->name) : std::to_string(number);
}

std::optional<unsigned> find_call(std::string_view text) {
    for (const Call& call : kCalls)
        if (call.name == text) return call.number;
    unsigned number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end || number >= SCI_MAX_CALLS) return std::nullopt;
    return number;
}

CallSet parse_call_set(std::string_view list) {
    CallSet calls;
    if (list.starts_with('!')) calls.set();
    for (;;) {
        const std::size_t comma = list.find(',');
        apply(calls, list.substr(0, comma));
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    if (calls.none()) refuse("no system call is left");
    return calls;
}

}  // namespace asi::ctl
