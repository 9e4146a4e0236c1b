// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

#include <fcntl.h>
#include <guard/abi.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "error.h"

namespace asi {
namespace {

UniqueFd open_device() {
    UniqueFd device(::open(GUARD_DEVICE, O_RDWR | O_CLOEXEC));
    if (!device.valid())
        throw system_error(GUARD_DEVICE " (has the kernel CONFIG_KVM_GUARD?)", errno);
    return device;
}

}  // namespace

UniqueFd create_guard_memory(size_t size) {
    guard_memory memory{};
    memory.size = size;
    return UniqueFd(checked("GUARD_CREATE_MEMORY",
                            ::ioctl(open_device().get(), GUARD_CREATE_MEMORY, &memory)));
}

void offer_guard(const Vm& vm, const std::vector<uint8_t>& manifest) {
    guard_offer offer{};
    offer.vm = vm.fd();
    if (!manifest.empty()) {
        offer.manifest = reinterpret_cast<uint64_t>(manifest.data());
        offer.manifest_size = manifest.size();
    }
    checked("GUARD_OFFER", ::ioctl(open_device().get(), GUARD_OFFER, &offer));
}

std::string guard_report() {
    std::ifstream file("/sys/kernel/debug/asi/guard");
    const std::string mine = "vm " + std::to_string(::getpid()) + " ";
    std::string line, report;
    bool is_mine = false;
    while (std::getline(file, line)) {
        if (line.starts_with("vm ")) is_mine = line.starts_with(mine);
        if (is_mine) report += line + "\n";
    }
    return report;
}

}  // namespace asi
