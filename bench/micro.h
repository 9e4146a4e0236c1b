// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

namespace asi {

/// Names that measure_operation() knows.
std::vector<std::string> operation_names();

/// Measures one operation and prints a JSON line. Throws std::runtime_error.
void measure_operation(const std::string& name);

}  // namespace asi
