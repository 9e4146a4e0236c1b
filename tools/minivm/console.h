// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace asi {

enum class Echo { kStdout, kNone };

/// Where the guest's serial output goes: to stdout line by line, and past a watch for one string.
/// Not thread safe; its UART is behind the port bus's lock.
class Console {
  public:
    /// An empty `awaited` watches for nothing.
    Console(Echo echo, std::string awaited);
    ~Console();

    void put(char character);
    void flush();

    bool seen() const { return seen_; }

  private:
    Echo echo_;
    std::string awaited_;
    std::string recent_;
    std::string pending_;
    bool seen_ = false;
};

}  // namespace asi
