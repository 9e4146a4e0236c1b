// SPDX-License-Identifier: GPL-2.0-only
//
// What is known of the processor bugs that the kernel knows: for each way in which one can be
// used what the kernel does alone, what isolation changes, what is flushed, what remains.  The
// same on every machine; mitigations.h says what of it is in force on this one.
#ifndef ASICTL_MITIGATION_TABLE_H
#define ASICTL_MITIGATION_TABLE_H

#include <array>
#include <span>
#include <string_view>

#include "vulnerability_text.h"

namespace asi::ctl {

enum class Vector { kUserKernel, kUserUser, kGuestHost, kGuestGuest, kSibling };

inline constexpr std::size_t kVectors = 5;

struct VectorName {
    const char* key;   ///< in JSON
    const char* name;  ///< "user to kernel"
};
inline constexpr std::array<VectorName, kVectors> kVectorNames = {{
    {"user_kernel", "user to kernel"},
    {"user_user", "user to user"},
    {"guest_host", "guest to host"},
    {"guest_guest", "guest to guest"},
    {"sibling", "sibling thread"},
}};

/// What isolation has to do with a way.
enum class Effect {
    kNone,
    kCalls,    ///< less is mapped for the system calls of processes that asked for it
    kNarrows,  ///< less is mapped while an isolated guest's exits are handled
    kFlushes,  ///< isolation clears in the kernel's place
    kAdds,     ///< isolation clears, beside the kernel
};
inline constexpr const char* kEffectNames[] = {"none", "calls", "narrows", "flushes", "adds"};

struct Way {
    const char* kernel;  ///< null: there is no such way, or none that a kernel can close
    const char* isolation;
    const char* flushed;
    const char* remains;  ///< where there is no way: why
    Reader* says;
    Effect effect = Effect::kNone;
    const char* flush = nullptr;  ///< as the kernel's account calls it
};

struct Bug {
    const char* file;
    const char* name;
    const char* cves;
    const char* leaks;
    std::array<Way, kVectors> ways;  ///< by Vector

    [[nodiscard]] const Way& way(Vector vector) const {
        return ways[static_cast<std::size_t>(vector)];
    }
};

[[nodiscard]] std::span<const Bug> known_bugs();
/// Null when it is not known.
[[nodiscard]] const Bug* find_bug(std::string_view file);

/// A flush that isolation counts, and what its count means.
struct FlushAccount {
    const char* name;
    const char* where;  ///< it is counted, once the instruction was executed
};
[[nodiscard]] std::span<const FlushAccount> flush_accounts();

}  // namespace asi::ctl

#endif  // ASICTL_MITIGATION_TABLE_H
