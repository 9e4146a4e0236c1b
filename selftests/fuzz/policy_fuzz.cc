// SPDX-License-Identifier: GPL-2.0-only
// Any text is either refused, changing nothing and saying why, or gives a
// policy that its own text form describes completely.
#include <asi/engine.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    asi_policy policy, before;
    asi_policy_default(&policy);
    before = policy;
    asi_policy_error error;
    std::memset(&error, 0xff, sizeof(error));
    const char* text = reinterpret_cast<const char*>(data);
    const int result = asi_policy_parse(&policy, text, size, &error);
    require(std::memchr(error.message, '\0', sizeof(error.message)) != nullptr);
    if (result != 0) {
        require(std::memcmp(&policy, &before, sizeof(policy)) == 0);
        require(error.line > 0 && error.message[0] != '\0');
        for (const char* c = error.message; *c != '\0'; ++c) require(*c >= ' ' && *c <= '~');
        return 0;
    }
    require(error.line == 0 && policy.cache_rules <= ASI_POLICY_CACHE_RULES);
    std::string form(asi_policy_format(&policy, nullptr, 0), '\0');
    require(asi_policy_format(&policy, form.data(), form.size() + 1) == form.size());
    asi_policy again = {};
    require(asi_policy_parse(&again, form.data(), form.size(), &error) == 0);
    require(std::memcmp(&again, &policy, sizeof(policy)) == 0);
    return 0;
}
