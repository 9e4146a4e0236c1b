// SPDX-License-Identifier: GPL-2.0-only
#include "stress_vm.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "cpu_setup.h"
#include "error.h"
#include "guest_code.h"
#include "layout.h"
#include "platform.h"

namespace asi {
namespace {

using namespace stress;

constexpr size_t kMemorySize = 2 << 20;
static_assert(kVersionsAddress + kMaxPieces * kPagesPerPiece * 4 <= kMemorySize);

uint8_t* map_piece(void* where, int file) {
    const int flags =
        (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | (where == nullptr ? 0 : MAP_FIXED);
    void* mapped = ::mmap(where, kPieceSize, PROT_READ | PROT_WRITE, flags, file, 0);
    if (mapped == MAP_FAILED) throw system_error("mapping a piece of guest memory", errno);
    return static_cast<uint8_t*>(mapped);
}

Piece::Kind kind_of(unsigned piece) {
    constexpr Piece::Kind kKinds[] = {Piece::Kind::kShared, Piece::Kind::kPrivate,
                                      Piece::Kind::kLossy, Piece::Kind::kShared};
    return kKinds[piece % 4];
}

/// With a backing: of two huge pages one is there to be lost, and of the other, where smaller parts
/// may be lost, a part.
Piece::Kind kind_of_part(unsigned piece, const GuestMemory& memory) {
    constexpr unsigned kPerHugePage = kHugePageSize / kPieceSize;
    const bool lossy =
        piece / kPerHugePage % 2 == 1 || (memory.page_size() < kPieceSize && piece % 4 == 2);
    return lossy ? Piece::Kind::kLossy : Piece::Kind::kPrivate;
}

CpuidTable stress_cpuid(const Kvm& kvm, const CpuidTable& supported, const StressPlan& plan,
                        unsigned index) {
    CpuidTable table = cpuid_for(kvm, supported, index, plan.vcpus);
    kvm_cpuid_entry2 entry{};
    entry.function = kCpuidLeaf;
    entry.eax = cpuid_word(plan.seed, index, 0);
    entry.ebx = cpuid_word(plan.seed, index, 1);
    entry.ecx = cpuid_word(plan.seed, index, 2);
    entry.edx = cpuid_word(plan.seed, index, 3);
    table.push_back(entry);
    return table;
}

std::string wrong_value(const char* what, uint64_t where, uint64_t expected, uint64_t found) {
    char text[200];
    std::snprintf(text, sizeof(text),
                  "wrong: %s at %#" PRIx64 ", expected %#" PRIx64 ", found %#" PRIx64, what, where,
                  expected, found);
    return text;
}

}  // namespace

// ---- a piece of memory -------------------------------------------------------------------------

Piece::Piece(Kind kind) : kind_(kind) {
    if (kind == Kind::kShared) {
        file_ = checked("memfd_create", ::memfd_create("piece", MFD_CLOEXEC));
        checked("ftruncate", ::ftruncate(file_, kPieceSize));
        memory_ = map_piece(nullptr, file_);
    }
    view_ = map_piece(nullptr, file_);
    if (memory_ == nullptr) memory_ = view_;
}

Piece::Piece(Kind kind, uint8_t* memory)
    : kind_(kind), is_part_(true), view_(memory), memory_(memory) {}

Piece::~Piece() {
    if (is_part_) return;
    ::munmap(view_, kPieceSize);
    if (memory_ != view_) ::munmap(memory_, kPieceSize);
    if (file_ >= 0) ::close(file_);
}

void Piece::unmap() const {
    // In one step, and something stays: never may another thread be given the address.
    void* held = ::mmap(view_, kPieceSize, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (held == MAP_FAILED) throw system_error("taking a piece of guest memory away", errno);
}

void Piece::map() const {
    map_piece(view_, file_);
}

void Piece::protect(int protection) const {
    checked("mprotect", ::mprotect(view_, kPieceSize, protection));
}

void Piece::discard() const {
    checked("madvise", ::madvise(view_, kPieceSize, MADV_DONTNEED));
}

// ---- the machine -------------------------------------------------------------------------------

StressVm::StressVm(const Kvm& kvm, const StressPlan& plan)
    : plan_(plan),
      kvm_(kvm),
      memory_(
          std::make_unique<GuestMemory>(0, kMemorySize, plan.backing.value_or(Backing::kOnDemand))),
      vm_(kvm, Irqchip::kInKernel),
      cpuid_(kvm.supported_cpuid()) {
    vm_.add_memory(*memory_);
    // Ticks that the guest was too slow for must not pile up: it would do nothing else any more.
    kvm_reinject_control reinject{};
    checked("KVM_REINJECT_CONTROL", ::ioctl(vm_.fd(), KVM_REINJECT_CONTROL, &reinject));
    write_long_mode_tables(*memory_);
    const Bytes program = stress_program();
    memory_->write(kSnippetAddress, program.data(), program.size());

    Machine& machine = this->machine();
    machine.seed = plan.seed;
    machine.limit = plan.limit;
    machine.operations = plan.operations;
    machine.x2apic = plan.x2apic;
    machine.vcpus = plan.vcpus;
    machine.pieces = plan.pieces;
    machine.alike = plan.backing == Backing::kMergeable;
    if (plan.backing)
        pieces_memory_ =
            std::make_unique<GuestMemory>(kPiecesAddress, plan.pieces * kPieceSize, *plan.backing);
    for (unsigned i = 0; i < plan.pieces; ++i) {
        pieces_.push_back(make_piece(i));
        machine.lossy[i] = pieces_[i]->kind() == Piece::Kind::kLossy;
    }
}

std::unique_ptr<Piece> StressVm::make_piece(unsigned index) const {
    if (!pieces_memory_) return std::make_unique<Piece>(kind_of(index));
    auto* all = static_cast<uint8_t*>(pieces_memory_->host_address());
    return std::make_unique<Piece>(kind_of_part(index, *pieces_memory_), all + index * kPieceSize);
}

Vcpu& StressVm::add_vcpu() {
    const unsigned index = vcpu_count_.load();
    vcpus_[index] = std::make_unique<Vcpu>(kvm_, vm_, index);
    const Vcpu& vcpu = *vcpus_[index];
    vcpu.set_cpuid(stress_cpuid(kvm_, cpuid_, plan_, index));
    enter_long_mode(vcpu);
    kvm_sregs sregs = vcpu.sregs();
    sregs.gs.base = kVcpuStateAddress + index * kVcpuStateStride;
    vcpu.set_sregs(sregs);
    vcpu.set_runnable();
    kvm_regs regs{};
    regs.rip = kSnippetAddress;
    regs.rflags = 2;
    // As a call leaves it, for the compiler's alignment.
    regs.rsp = kStackAddress + (index + 1) * kStackStride - 8;
    vcpu.set_regs(regs);
    VcpuState& state = this->state(index);
    state.self = reinterpret_cast<VcpuState*>(sregs.gs.base);
    state.index = index;
    vcpu_count_.store(index + 1);
    return *vcpus_[index];
}

uint64_t StressVm::piece_address(unsigned index, bool alias) {
    return (alias ? kAliasAddress : kPiecesAddress) + index * kPieceSize;
}

Machine& StressVm::machine() const {
    return *reinterpret_cast<Machine*>(memory_->at(kMachineAddress, sizeof(Machine)).data());
}

VcpuState& StressVm::state(unsigned vcpu) const {
    const uint64_t address = kVcpuStateAddress + vcpu * kVcpuStateStride;
    return *reinterpret_cast<VcpuState*>(memory_->at(address, sizeof(VcpuState)).data());
}

uint64_t StressVm::operations_done(unsigned vcpu) const {
    uint64_t sum = 0;
    for (const volatile uint64_t& done : state(vcpu).done) sum += done;
    return sum;
}

void StressVm::fail(const Vcpu& vcpu) const {
    const VcpuState& state = this->state(vcpu.index());
    const uint64_t wrong = state.wrong;
    if (wrong >= kUnexpected) {
        char text[200];
        std::snprintf(text, sizeof(text),
                      "vCPU %u: wrong: vector %#" PRIx64 ", CR2 %#" PRIx64 ", stack %#" PRIx64
                      " %#" PRIx64 "\n",
                      vcpu.index(), wrong - kUnexpected, state.where, state.expected, state.found);
        throw Error(ExitStatus::kGuestFailed, text + describe_registers(vcpu));
    }
    throw Error(ExitStatus::kGuestFailed,
                "vCPU " + std::to_string(vcpu.index()) + ": " +
                    wrong_value(wrong < kOperations ? kOperationNames[wrong] : "?", state.where,
                                state.expected, state.found) +
                    "\n" + describe_registers(vcpu));
}

StressVm::RunEnd StressVm::run(Vcpu& vcpu) {
    const kvm_run& run = vcpu.state();
    for (;;) {
        switch (const int error = vcpu.enter()) {
            case 0:
                break;
            case EINTR:
                return RunEnd::kKicked;
            case EAGAIN:
                continue;
            case EFAULT:
                // The memory is away, or may not be written, for the moment.
                ++refused_;
                std::this_thread::sleep_for(std::chrono::microseconds(100));
                continue;
            default:
                throw system_error("KVM_RUN", error);
        }
        switch (run.exit_reason) {
            case KVM_EXIT_IO:
                if (run.io.port == kDebugPort) {
                    const auto* data = reinterpret_cast<const uint8_t*>(&run) + run.io.data_offset;
                    if (*data != 0) fail(vcpu);
                    return RunEnd::kEnded;
                }
                handle_ports(vcpu);
                break;
            case KVM_EXIT_MMIO:
                handle_mmio(vcpu);
                break;
            case KVM_EXIT_INTR:
                continue;
            default:
                throw Error(ExitStatus::kGuestFailed,
                            describe_exit(run) + "\n" + describe_registers(vcpu));
        }
        if (exit_hook_) exit_hook_();
    }
}

void StressVm::handle_ports(Vcpu& vcpu) {
    kvm_run& run = vcpu.state();
    auto* data = reinterpret_cast<uint8_t*>(&run) + run.io.data_offset;
    Devices& devices = devices_[vcpu.index()];
    for (uint32_t i = 0; i < run.io.count; ++i, data += run.io.size) {
        uint32_t value = 0;
        if (run.io.direction == KVM_EXIT_IO_OUT) {
            std::memcpy(&value, data, run.io.size);
            write_port(devices, run.io.port, value);
        } else {
            value = read_port(devices, run.io.port);
            std::memcpy(data, &value, run.io.size);
        }
    }
}

uint32_t StressVm::read_port(Devices& devices, unsigned port) {
    switch (port) {
        case kSumPort:
            return static_cast<uint32_t>(mix(devices.sum)) ^ (spoil_.exchange(false) ? 1 : 0);
        case kStringPort:
            return ~devices.string[devices.string_out++ % kStringLength];
        default:
            return ~0u;
    }
}

void StressVm::write_port(Devices& devices, unsigned port, uint32_t value) {
    switch (port) {
        case kSumPort:
            devices.sum = value;
            break;
        case kStringPort:
            devices.string[devices.string_in++ % kStringLength] = value;
            break;
        case kDoorbellPort:
            ++doorbell_exits_;
            break;
        default:
            break;
    }
}

bool StressVm::access_piece(kvm_run& run, uint64_t window) {
    const uint64_t offset = run.mmio.phys_addr - window;
    if (run.mmio.phys_addr < window || offset >= plan_.pieces * kPieceSize) return false;
    Piece& piece = *pieces_[offset / kPieceSize];
    uint8_t* byte = piece.memory() + offset % kPieceSize;
    if (run.mmio.is_write) {
        std::memcpy(byte, run.mmio.data, run.mmio.len);
        piece.mark_written(offset % kPieceSize / kPageSize);
    } else {
        std::memcpy(run.mmio.data, byte, run.mmio.len);
    }
    return true;
}

void StressVm::handle_mmio(Vcpu& vcpu) {
    kvm_run& run = vcpu.state();
    if (access_piece(run, kPiecesAddress) || access_piece(run, kAliasAddress)) return;
    const uint64_t address = run.mmio.phys_addr;
    if (address == kDoorbellAddress && run.mmio.is_write) {
        ++doorbell_exits_;
        return;
    }
    const uint64_t offset = address - kDeviceAddress;
    if (offset / kPageSize != vcpu.index())
        throw Error(ExitStatus::kGuestFailed, describe_exit(run) + "\n" + describe_registers(vcpu));
    uint64_t& written = devices_[vcpu.index()].registers[offset % kPageSize / 8];
    if (run.mmio.is_write) {
        written = 0;
        std::memcpy(&written, run.mmio.data, run.mmio.len);
    } else {
        const uint64_t answer = device_answer(offset, written);
        std::memcpy(run.mmio.data, &answer, run.mmio.len);
    }
}

void StressVm::check_memory() const {
    const uint64_t pages = uint64_t{plan_.pieces} * kPagesPerPiece;
    for (uint64_t page = 0; page < pages; ++page) {
        const Piece& piece = *pieces_[page / kPagesPerPiece];
        const auto version = memory_->get<uint32_t>(kVersionsAddress + page * 4);
        for (unsigned i = 0; i < kWords; ++i) {
            const size_t offset = page % kPagesPerPiece * kPageSize + kWordOffsets[i];
            const uint64_t expected = word_of(machine(), page, version, i);
            uint64_t found;
            std::memcpy(&found, piece.memory() + offset, sizeof(found));
            if (found == 0 && piece.kind() == Piece::Kind::kLossy) continue;
            if (found != expected)
                throw Error(ExitStatus::kGuestFailed,
                            wrong_value("memory after the end",
                                        kPiecesAddress + page * kPageSize + kWordOffsets[i],
                                        expected, found));
        }
    }
}

}  // namespace asi
