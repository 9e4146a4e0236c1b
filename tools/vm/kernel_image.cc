// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_image.h"

#include "text.h"

namespace asi {

namespace {

// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
constexpr size_t kSignatureOffset = 0x202;
constexpr char kSignature[] = "HdrS";
// COMMAND_LINE_SIZE on x86, less its NUL.
constexpr size_t kLongestCommandLine = 2047;

}  // namespace

void check_kernel_image(const std::string& path) {
    const std::string image = read_file(path);
    if (image.size() < kSignatureOffset || image.compare(kSignatureOffset, 4, kSignature) != 0)
        throw RunError(path + " is not a bzImage");
}

std::string kernel_parameter(const std::string& name, const std::string& value) {
    if (value.find_first_of("\"\n") != std::string::npos)
        throw RunError("a kernel parameter cannot hold the path " + value);
    return value.find_first_of(" \t") == std::string::npos ? name + "=" + value
                                                           : name + "=\"" + value + "\"";
}

std::string common_parameters(const std::string& append) {
    // The kernel has no parameter that undoes oops=panic, so the wish must be read here.
    const bool is_oops_harmless = append.find("panic_on_oops=0") != std::string::npos;
    return std::string("console=ttyS0 earlyprintk=serial,ttyS0,115200") +
           (is_oops_harmless ? "" : " oops=panic");
}

void check_command_line(const std::string& command_line) {
    if (command_line.size() > kLongestCommandLine)
        throw RunError("the kernel command line is " + std::to_string(command_line.size()) +
                       " bytes; the kernel takes " + std::to_string(kLongestCommandLine));
}

}  // namespace asi
