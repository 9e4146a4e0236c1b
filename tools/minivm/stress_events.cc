// SPDX-License-Identifier: GPL-2.0-only
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "layout.h"
#include "stress.h"

namespace asi {
namespace {

using namespace stress;

constexpr double kInterruptSeconds = 120;
constexpr unsigned kFirstMsi = 24;
constexpr unsigned kMsis = kEventVectors - 1;
constexpr unsigned kMaxExtraRoutes = 40;

// In C++ the kernel's kvm_irq_routing has another size, and so the ioctl another number, than the
// ABI.
struct RoutingTable {
    uint32_t count;
    uint32_t flags;
    kvm_irq_routing_entry entries[2 + kMsis + kMaxExtraRoutes];
};
constexpr size_t kRoutingHeaderSize = offsetof(RoutingTable, entries);
static_assert(kRoutingHeaderSize == 8);
constexpr unsigned long kSetGsiRouting = _IOC(_IOC_WRITE, KVMIO, 0x6a, kRoutingHeaderSize);

/// The interrupts that are sent: one line of the IOAPIC and some messages.
constexpr unsigned gsi_of(unsigned event) {
    return event == 0 ? kLinePin : kFirstMsi + event - 1;
}

struct Doorbell {
    uint32_t flags;
    uint32_t size;
    uint64_t value;
};
constexpr Doorbell kDoorbells[] = {
    {KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, 2, 0},
    {KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, 2, 1},
    {KVM_IOEVENTFD_FLAG_PIO, 2, 0},
    {KVM_IOEVENTFD_FLAG_DATAMATCH, 4, 0},
    {KVM_IOEVENTFD_FLAG_DATAMATCH, 4, 1},
    {0, 4, 0},
    {0, 0, 0},
};

class EventFd {
  public:
    EventFd() : fd_(checked("eventfd", ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {}

    int get() const { return fd_.get(); }
    void fire() const {
        const uint64_t one = 1;
        if (::write(get(), &one, sizeof(one)) != sizeof(one))
            throw system_error("writing an eventfd", errno);
    }
    uint64_t take() const {
        uint64_t count = 0;
        return ::read(get(), &count, sizeof(count)) == sizeof(count) ? count : 0;
    }

  private:
    UniqueFd fd_;
};

class EventDisturber : public Disturber {
  public:
    EventDisturber(StressVm& vm, bool spoil) : vm_(vm), spoil_(spoil) {
        counts_ = {{"irqfds", 0},       {"irqfds_gone", 0},     {"irqfds_fired", 0},
                   {"ioeventfds", 0},   {"ioeventfds_gone", 0}, {"routings", 0},
                   {"lines_pulsed", 0}, {"doorbells", 0},       {"doorbell_exits", 0}};
    }

    void step(Random& random) override {
        // Before the first vCPU has set up the board, interrupts are lost.
        if (!vm_.state(0).ready) return;
        if (!routed_) route(random);
        switch (below(random, 8)) {
            case 0:
            case 1:
                return switch_doorbell(below(random, std::size(kDoorbells)));
            case 2:
                return switch_line(below(random, kEventVectors));
            case 3:
                route(random);
                return expect_none("the routing was replaced");
            case 4:
                return pulse();
            case 5:
                // Nobody listens, so nothing comes of it.
                return fire_unassigned(below(random, kEventVectors));
            default:
                return fire(below(random, kEventVectors), random);
        }
    }

    void settle() override {
        for (unsigned i = 0; i < kEventVectors; ++i)
            if (lines_[i].assigned) switch_line(i);
        expect_none("the end");
    }

    void check_end() override {
        uint64_t rung = 0;
        for (unsigned i = 0; i < vm_.vcpu_count(); ++i) rung += vm_.state(i).doorbells;
        uint64_t heard = vm_.doorbell_exits();
        for (const auto& bell : bells_) heard += bell.fd.take();
        counts_["doorbells"] += rung;
        counts_["doorbell_exits"] += vm_.doorbell_exits();
        if (rung != heard)
            throw Error(ExitStatus::kGuestFailed, "wrong: " + std::to_string(rung) +
                                                      " doorbells rung, " + std::to_string(heard) +
                                                      " heard");
    }

  private:
    struct Fd {
        EventFd fd;
        bool assigned = false;
    };

    uint64_t received() const {
        uint64_t sum = 0;
        for (unsigned i = 0; i < vm_.vcpu_count(); ++i)
            for (const volatile uint64_t& count : vm_.state(i).events) sum += count;
        return sum;
    }

    void expect_none(const char* when) const {
        if (const uint64_t now = received(); now != expected_)
            throw Error(ExitStatus::kGuestFailed,
                        std::string("wrong: ") + when + ", " + std::to_string(expected_) +
                            " interrupts sent and " + std::to_string(now) + " received");
    }

    void await_one(const std::string& what) {
        ++expected_;
        const auto limit =
            std::chrono::steady_clock::now() + std::chrono::duration<double>(kInterruptSeconds);
        while (received() < expected_) {
            if (std::chrono::steady_clock::now() > limit)
                throw Error(ExitStatus::kGuestFailed, "wrong: an interrupt was lost: " + what);
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        expect_none(what.c_str());
    }

    void switch_doorbell(unsigned index) {
        const Doorbell& bell = kDoorbells[index];
        kvm_ioeventfd request{};
        request.flags = bell.flags | (bells_[index].assigned ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0);
        request.addr = (bell.flags & KVM_IOEVENTFD_FLAG_PIO) ? kDoorbellPort : kDoorbellAddress;
        request.len = bell.size;
        request.datamatch = bell.value;
        request.fd = bells_[index].fd.get();
        if (::ioctl(vm_.vm().fd(), KVM_IOEVENTFD, &request) == 0) {
            ++counts_[bells_[index].assigned ? "ioeventfds_gone" : "ioeventfds"];
            bells_[index].assigned = !bells_[index].assigned;
        } else if (errno != EEXIST || bells_[index].assigned) {
            throw system_error("KVM_IOEVENTFD", errno);
        }
    }

    void switch_line(unsigned event) {
        kvm_irqfd request{};
        request.fd = lines_[event].fd.get();
        request.gsi = gsi_of(event);
        request.flags = lines_[event].assigned ? KVM_IRQFD_FLAG_DEASSIGN : 0;
        checked("KVM_IRQFD", ::ioctl(vm_.vm().fd(), KVM_IRQFD, &request));
        ++counts_[lines_[event].assigned ? "irqfds_gone" : "irqfds"];
        lines_[event].assigned = !lines_[event].assigned;
    }

    void fire(unsigned event, Random& random) {
        if (!lines_[event].assigned) return;
        lines_[event].fd.fire();
        // Either the old routes or the new ones have it.
        if (below(random, 2)) route(random);
        await_one("irqfd " + std::to_string(gsi_of(event)));
        ++counts_["irqfds_fired"];
    }

    void fire_unassigned(unsigned event) {
        if (lines_[event].assigned) return;
        lines_[event].fd.fire();
        lines_[event].fd.take();
        expect_none("an irqfd fired that was not assigned");
    }

    void pulse() {
        vm_.vm().set_irq_line(kLinePin, true);
        vm_.vm().set_irq_line(kLinePin, false);
        await_one("line");
        if (spoil_) {
            vm_.vm().set_irq_line(kLinePin, true);
            vm_.vm().set_irq_line(kLinePin, false);
        }
        ++counts_["lines_pulsed"];
    }

    /// A table like the first one, with each message sent elsewhere.
    void route(Random& random) {
        RoutingTable table{};
        for (const unsigned pin : {kPitPin, kLinePin}) {
            kvm_irq_routing_entry& entry = table.entries[table.count++];
            entry.gsi = pin;
            entry.type = KVM_IRQ_ROUTING_IRQCHIP;
            entry.u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
            entry.u.irqchip.pin = pin;
        }
        const unsigned messages = kMsis + below(random, kMaxExtraRoutes + 1);
        for (unsigned i = 0; i < messages; ++i) {
            // [intel/vol3]: 11.11, message address and data; fixed, edge.
            kvm_irq_routing_entry& entry = table.entries[table.count++];
            entry.gsi = kFirstMsi + i;
            entry.type = KVM_IRQ_ROUTING_MSI;
            entry.u.msi.address_lo = kLocalApicAddress | ready_vcpu(random) << 12;
            entry.u.msi.data = kEventVector + 0x10 * below(random, kEventVectors);
        }
        checked("KVM_SET_GSI_ROUTING", ::ioctl(vm_.vm().fd(), kSetGsiRouting, &table));
        ++counts_["routings"];
        routed_ = true;
    }

    unsigned ready_vcpu(Random& random) const {
        const unsigned vcpu = below(random, vm_.vcpu_count());
        return vm_.state(vcpu).ready ? vcpu : 0;
    }

    StressVm& vm_;
    bool spoil_;
    bool routed_ = false;
    uint64_t expected_ = 0;
    std::array<Fd, kEventVectors> lines_;
    std::array<Fd, std::size(kDoorbells)> bells_;
};

}  // namespace

std::unique_ptr<Disturber> disturb_events(StressVm& vm, bool spoil) {
    return std::make_unique<EventDisturber>(vm, spoil);
}

}  // namespace asi
