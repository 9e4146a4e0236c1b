// SPDX-License-Identifier: GPL-2.0-only
//
// Profiles of system calls, with the kernel's own code for their text: what it
// accepts and what it says when it refuses is what the kernel accepts and says.
#ifndef ASICTL_SCI_PROFILE_H
#define ASICTL_SCI_PROFILE_H

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parse.h"

struct sci_call_record;
struct sci_profile_data;

namespace asi::ctl {

struct CallNeeds {
    unsigned number;
    unsigned text_pages;
    Pairs data;  ///< kind and letters of "rw"
};

class SciProfile {
  public:
    SciProfile();
    ~SciProfile();
    SciProfile(SciProfile&& other) noexcept;
    SciProfile& operator=(SciProfile&& other) noexcept;

    /// On top of what is there.  Nothing when it worked; else nothing has changed.
    [[nodiscard]] std::optional<PolicyProblem> load(std::string_view text);

    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string build_id() const;
    void rename(const std::string& name);       ///< is_profile_name(@name)
    [[nodiscard]] unsigned text_pages() const;  ///< that any call needs
    [[nodiscard]] std::vector<CallNeeds> calls() const;
    [[nodiscard]] std::string to_text() const;

    /// Both have the same build id.
    void add(const SciProfile& other);

  private:
    struct Storage;
    std::unique_ptr<Storage> storage_;
};

[[nodiscard]] bool is_profile_name(const std::string& text);

/// The profiles of debugfs asi/sci/text, each as it stands there.
[[nodiscard]] std::vector<std::string> split_profiles(std::string_view text);

}  // namespace asi::ctl

#endif  // ASICTL_SCI_PROFILE_H
