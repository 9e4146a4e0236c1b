// SPDX-License-Identifier: GPL-2.0-only
//
// Network namespaces by the names that ip netns gives them, and their switch.
#ifndef ASICTL_NETNS_NAMES_H
#define ASICTL_NETNS_NAMES_H

#include <string>

#include "model.h"

namespace asi::ctl {

class NetnsNames {
  public:
    /// @root: a file for each name; @isolate: the sysctl of the namespace of who opens it.
    NetnsNames(std::string root, std::string isolate)
        : root_(std::move(root)), switch_(std::move(isolate)) {}

    /// The number of the namespace with that name, as in /proc/PID/ns/net.
    [[nodiscard]] Number find(const std::string& name) const;

    /// Fills in the names of those that have one.
    void add_names(NetnsList& list) const;

    /// The calling process is in the namespace with that name from now on.  Throws kRuntime.
    void enter(const std::string& name) const;

    /// Throws kRuntime, with what to do about it.
    void write_switch(unsigned value) const;

  private:
    std::string root_;
    std::string switch_;
};

}  // namespace asi::ctl

#endif  // ASICTL_NETNS_NAMES_H
