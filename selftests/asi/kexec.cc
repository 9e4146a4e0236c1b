// SPDX-License-Identifier: GPL-2.0-only
//
// Replaces the running kernel: loads a bzImage with kexec_load(2) and starts it
// at its 64-bit entry point, with the memory map that this kernel was given.
// [linux] Documentation/arch/x86/boot.rst.
//
// usage: kexec BZIMAGE COMMAND-LINE
#include <asm/bootparam.h>
#include <linux/kexec.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<char>;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHeaderOffset = offsetof(boot_params, hdr);
constexpr std::uint64_t kEntryOffset64 = 0x200;

/// One page each, in low memory that is free once the kernel runs no more.
constexpr std::uint64_t kParametersAddress = 0x10000;
constexpr std::uint64_t kCommandLineAddress = 0x11000;
constexpr std::uint64_t kJumpAddress = 0x12000;

Bytes read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// The entry point wants boot_params in %rsi, and kexec clears all registers.
Bytes jump_to(std::uint64_t entry) {
    Bytes code;
    const auto move = [&code](std::initializer_list<unsigned char> opcode, std::uint64_t value) {
        code.insert(code.end(), opcode.begin(), opcode.end());
        for (int i = 0; i < 8; ++i) code.push_back(static_cast<char>(value >> (8 * i)));
    };
    move({0x48, 0xbe}, kParametersAddress);                                       // movabs $, %rsi
    move({0x48, 0xb8}, entry);                                                    // movabs $, %rax
    code.insert(code.end(), {static_cast<char>(0xff), static_cast<char>(0xe0)});  // jmp *%rax
    return code;
}

kexec_segment segment(const Bytes& bytes, std::uint64_t address, std::size_t size = 0) {
    size = std::max(size, bytes.size());
    return {bytes.data(), bytes.size(), reinterpret_cast<void*>(address),
            (size + kPage - 1) & ~(kPage - 1)};
}

int fail(const std::string& what) {
    std::cerr << "kexec: " << what << ": " << std::strerror(errno) << "\n";
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const Bytes image = read_file(argv[1]);
    Bytes parameters = read_file("/sys/kernel/boot_params/data");
    if (image.size() < kPage || parameters.size() != sizeof(boot_params))
        return fail(std::string(argv[1]) + " or boot_params");

    auto& params = *reinterpret_cast<boot_params*>(parameters.data());
    std::memset(&params.hdr, 0, sizeof(params.hdr));
    std::memcpy(
        &params.hdr, image.data() + kHeaderOffset,
        std::min<std::size_t>(static_cast<unsigned char>(image[0x201]) + 0x202 - kHeaderOffset,
                              sizeof(params.hdr)));
    params.hdr.type_of_loader = 0xff;
    params.hdr.cmd_line_ptr = kCommandLineAddress;
    params.hdr.ramdisk_image = params.hdr.ramdisk_size = 0;
    params.hdr.setup_data = 0;

    const std::size_t setup_size = (params.hdr.setup_sects + 1) * 512;
    const std::uint64_t address = params.hdr.pref_address;
    const Bytes kernel(image.begin() + setup_size, image.end());
    const Bytes command_line(argv[2], argv[2] + std::strlen(argv[2]) + 1);
    const Bytes jump = jump_to(address + kEntryOffset64);
    const kexec_segment segments[] = {
        segment(parameters, kParametersAddress),
        segment(command_line, kCommandLineAddress),
        segment(jump, kJumpAddress),
        segment(kernel, address, params.hdr.init_size),
    };
    if (::syscall(SYS_kexec_load, kJumpAddress, std::size(segments), segments, KEXEC_ARCH_X86_64) !=
        0)
        return fail("kexec_load");
    ::sync();
    ::syscall(SYS_reboot, 0xfee1dead, 0x28121969, 0x45584543, nullptr);
    return fail("reboot");
}
