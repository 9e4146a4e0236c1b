// SPDX-License-Identifier: GPL-2.0-only
#include "boot.h"

#include <cstdio>

#include "acpi_tables.h"
#include "console.h"
#include "cpu_setup.h"
#include "file_io.h"
#include "guard.h"
#include "kvm.h"
#include "layout.h"
#include "linux_image.h"
#include "platform.h"
#include "uart.h"
#include "vcpu_threads.h"

namespace asi {
namespace {

constexpr unsigned kSerialPort = 0x3f8;
constexpr unsigned kSerialIrq = 4;

/// The machine's devices, wired to its ports.
class Platform {
  public:
    Platform(const Vm& vm, Console& console)
        : uart_(
              console, [&vm](bool level) { vm.set_irq_line(kSerialIrq, level); },
              [this, &console] {
                  if (console.seen()) end_.set(GuestEndKind::kAwaitedString);
              }) {
        bus_.attach(kSerialPort, Uart::kPortCount, uart_);
        bus_.attach(kAcpiEventPort, AcpiPorts::kPortCount, acpi_);
        bus_.attach(kResetPort, 1, reset_);
        bus_.attach(kKeyboardDataPort, 1, keyboard_data_);
        bus_.attach(kKeyboardCommandPort, 1, keyboard_);
        bus_.attach(kDebugPort, 1, debug_);
        bus_.attach(kCmosPort, Cmos::kPortCount, cmos_);
    }

    PortBus& bus() { return bus_; }
    /// Only while no vCPU runs.
    const GuestEnd& end() const { return end_; }

  private:
    /// Port 0x60: data never comes, and what is written goes nowhere.
    class KeyboardData : public PortDevice {
      public:
        uint32_t read(unsigned, unsigned) override { return 0; }
        void write(unsigned, unsigned, uint32_t) override {}
    };

    GuestEnd end_;
    Uart uart_;
    AcpiPorts acpi_{end_};
    ResetPort reset_{end_};
    KeyboardController keyboard_{end_};
    KeyboardData keyboard_data_;
    DebugPort debug_{end_};
    Cmos cmos_;
    PortBus bus_{end_};
};

/// Runs one vCPU until the guest ends or the threads are stopped.
BodyEnd run_vcpu(Vcpu& vcpu, Platform& platform) {
    while (vcpu.run()) {
        kvm_run& run = vcpu.state();
        switch (run.exit_reason) {
            case KVM_EXIT_IO:
                if (platform.bus().handle(run)) return BodyEnd::kAllVcpus;
                break;
            case KVM_EXIT_MMIO:
                handle_absent_mmio(run);
                break;
            case KVM_EXIT_INTR:
                break;
            default:
                throw Error(ExitStatus::kGuestFailed,
                            describe_exit(run) + "\n" + describe_registers(vcpu));
        }
    }
    return BodyEnd::kThisVcpu;
}

Vcpus create_vcpus(const Kvm& kvm, const Vm& vm, const LinuxImage& image, unsigned count) {
    const CpuidTable supported = kvm.supported_cpuid();
    Vcpus vcpus;
    for (unsigned i = 0; i < count; ++i) {
        vcpus.push_back(std::make_unique<Vcpu>(kvm, vm, i));
        vcpus.back()->set_cpuid(cpuid_for(kvm, supported, i, count));
    }
    enter_long_mode(*vcpus[0]);
    kvm_regs regs{};
    regs.rip = image.entry_address();
    regs.rsi = kBootParamsAddress;
    regs.rflags = 2;
    vcpus[0]->set_regs(regs);
    return vcpus;
}

ExitStatus report_end(const GuestEnd& end, const BootOptions& options) {
    const auto say = [&options](const char* text) {
        if (!options.quiet) std::fprintf(stderr, "minivm: guest ended: %s\n", text);
    };
    switch (end.kind) {
        case GuestEndKind::kAwaitedString:
            say("awaited string seen");
            return ExitStatus::kOk;
        case GuestEndKind::kPowerOff:
            say("power off");
            break;
        case GuestEndKind::kReset:
            say("reset");
            break;
        case GuestEndKind::kDebugPort:
            say("debug port");
            if (end.debug_byte != 0) return static_cast<ExitStatus>(end.debug_byte);
            break;
        default:
            break;
    }
    if (options.until.empty()) return ExitStatus::kOk;
    throw Error(ExitStatus::kEndedEarly,
                "the guest ended before it printed '" + options.until + "'");
}

}  // namespace

ExitStatus run_boot(const BootOptions& options) {
    const LinuxImage image(options.kernel, options.initrd, options.append, options.memory_size);
    const Kvm kvm;
    const GuestMemory memory(0, options.memory_size, options.backing);
    Vm vm(kvm, Irqchip::kInKernel);
    vm.add_memory(memory);
    if (options.guard)
        offer_guard(vm, options.manifest.empty() ? std::vector<uint8_t>()
                                                 : read_file(options.manifest));
    write_long_mode_tables(memory);
    image.load(memory, write_acpi_tables(memory, options.smp));

    Console console(options.quiet ? Echo::kNone : Echo::kStdout, options.until);
    Platform platform(vm, console);
    const Vcpus vcpus = create_vcpus(kvm, vm, image, options.smp);
    VcpuThreads threads(vcpus, [&platform](Vcpu& vcpu) { return run_vcpu(vcpu, platform); });
    const bool ended = threads.wait(options.timeout);
    threads.stop();
    console.flush();
    if (options.guard) std::fputs(guard_report().c_str(), stdout);
    if (platform.end().ended()) return report_end(platform.end(), options);
    if (ended) throw Error(ExitStatus::kGuestFailed, "the vCPUs stopped without a reason");
    throw Error(ExitStatus::kTimeout, "timeout: the guest did not end in time");
}

}  // namespace asi
