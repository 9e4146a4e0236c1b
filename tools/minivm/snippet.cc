// SPDX-License-Identifier: GPL-2.0-only
#include "snippet.h"

#include <cctype>
#include <cstdio>

#include "file_io.h"
#include "layout.h"

namespace asi {
namespace {

std::vector<uint8_t> snippet_code(const SnippetOptions& options) {
    const bool from_file = !options.file.empty();
    std::vector<uint8_t> code = from_file ? read_file(options.file) : parse_hex(options.hex);
    const std::string name = from_file ? "--file: '" + options.file + "'" : "--hex: the code";
    if (code.empty()) throw usage_error(name + " is empty");
    if (code.size() > kSnippetMaxSize)
        throw usage_error(name + " is longer than " + std::to_string(kSnippetMaxSize) + " bytes");
    return code;
}

int hex_digit(char character) {
    const auto byte = static_cast<unsigned char>(character);
    if (!std::isxdigit(byte)) throw usage_error("--hex: not pairs of hexadecimal digits");
    return std::isdigit(byte) ? byte - '0' : std::tolower(byte) - 'a' + 10;
}

}  // namespace

std::vector<uint8_t> parse_hex(const std::string& text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < text.size();) {
        if (std::isspace(static_cast<unsigned char>(text[i]))) {
            ++i;
            continue;
        }
        const char second = i + 1 < text.size() ? text[i + 1] : '\0';
        bytes.push_back(hex_digit(text[i]) << 4 | hex_digit(second));
        i += 2;
    }
    return bytes;
}

ExitStatus run_snippet(const SnippetOptions& options) {
    const std::vector<uint8_t> code = snippet_code(options);
    const Kvm kvm;
    const SnippetVm vm(kvm, Irqchip::kNone, options.mode, 1);
    vm.load_code(code);

    SnippetResult result{SnippetEnd::kStopped};
    VcpuThreads threads(vm.vcpus(), [&result](Vcpu& vcpu) {
        result = run_until_end(vcpu);
        return BodyEnd::kThisVcpu;
    });
    const bool ended = threads.wait(options.timeout);
    threads.stop();

    const Vcpu& vcpu = *vm.vcpus()[0];
    if (!ended || result.end == SnippetEnd::kStopped)
        throw Error(ExitStatus::kTimeout,
                    "timeout: the snippet did not end in time\n" + describe_registers(vcpu));
    if (result.end == SnippetEnd::kDebugPort)
        std::printf("end: out 0xf4, %#x\n", result.debug_byte);
    else
        std::printf("end: hlt\n");
    std::fputs(describe_registers(vcpu).c_str(), stdout);
    return static_cast<ExitStatus>(result.debug_byte);
}

}  // namespace asi
