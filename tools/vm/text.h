// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace asi {

/// Anything that stops a run before the guest can answer. what() is one line.
class RunError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A RunError whose text ends in the meaning of @p error_number.
[[nodiscard]] RunError system_error(const std::string& what, int error_number);

/// Reads a whole file, of any kind. Throws RunError naming the file.
[[nodiscard]] std::string read_file(const std::string& path);

/// Replaces a file's contents. Throws RunError naming the file.
void write_file(const std::string& path, std::string_view contents);

/// Splits at every @p separator; a trailing separator adds no empty piece.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

}  // namespace asi
