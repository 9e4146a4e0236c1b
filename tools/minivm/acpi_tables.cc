// SPDX-License-Identifier: GPL-2.0-only
#include "acpi_tables.h"

#include <cstddef>
#include <vector>

#include "error.h"
#include "layout.h"
#include "platform.h"

namespace asi {
namespace {

// [acpi 6.5]: 5.2.6. Structures hold only the fields up to what revision 5 of the FADT knows.
struct [[gnu::packed]] Header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
};
static_assert(sizeof(Header) == 36);

struct [[gnu::packed]] Rsdp {  // 5.2.5.3
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
};
static_assert(sizeof(Rsdp) == 36);
constexpr size_t kRsdpFirstRevisionSize = 20;

struct [[gnu::packed]] GenericAddress {  // 5.2.3.2
    uint8_t space;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t access_size;
    uint64_t address;
};

struct [[gnu::packed]] Fadt {  // 5.2.9
    Header header;
    uint32_t firmware_control;
    uint32_t dsdt;
    uint8_t reserved0;
    uint8_t preferred_profile;
    uint16_t sci_interrupt;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios_request, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
    uint32_t gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
    uint8_t gpe0_length, gpe1_length, gpe1_base, cst_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved1;
    uint32_t flags;
    GenericAddress reset_register;
    uint8_t reset_value;
    uint16_t arm_boot_flags;
    uint8_t minor_revision;
    uint64_t x_firmware_control, x_dsdt;
    GenericAddress x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control;
    GenericAddress x_pm_timer, x_gpe0, x_gpe1, sleep_control, sleep_status;
};
static_assert(offsetof(Fadt, flags) == 112);
static_assert(sizeof(Fadt) == 268);

struct [[gnu::packed]] Facs {  // 5.2.10
    char signature[4];
    uint32_t length;
    uint8_t rest[56];
};
static_assert(sizeof(Facs) == 64);

struct [[gnu::packed]] Madt {  // 5.2.12
    Header header;
    uint32_t local_apic_address;
    uint32_t flags;
};

struct [[gnu::packed]] MadtLocalApic {  // 5.2.12.2
    uint8_t type, length, processor_id, apic_id;
    uint32_t flags;
};

struct [[gnu::packed]] MadtIoApic {  // 5.2.12.3
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
};

struct [[gnu::packed]] MadtOverride {  // 5.2.12.5
    uint8_t type, length, bus, source;
    uint32_t gsi;
    uint16_t flags;
};

constexpr uint8_t kSystemIo = 1;
constexpr uint16_t kSciIrq = 9;
constexpr uint16_t kActiveHighLevel = 0x0d;

// Legacy devices, yes; VGA, keyboard controller, CMOS clock, no.
constexpr uint16_t kBootFlags = 1u << 0 | 1u << 2 | 1u << 5;
// WBINVD works; no fixed power button, sleep button or RTC wake; the reset register is there.
constexpr uint32_t kFadtFlags = 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 10;

// Name (\_S5, Package () { 5, 5, 0, 0 }), the value to write to SLP_TYP for power off.
constexpr uint8_t kDsdtCode[] = {0x08, '_',
                                 'S',  '5',
                                 '_',  0x12,
                                 0x08, 0x04,
                                 0x0a, kAcpiSleepTypePowerOff,
                                 0x0a, kAcpiSleepTypePowerOff,
                                 0x00, 0x00};

uint8_t checksum_of(const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    uint8_t sum = 0;
    for (size_t i = 0; i < size; ++i) sum += bytes[i];
    return -sum;
}

Header make_header(const char (&signature)[5], uint8_t revision) {
    Header header{};
    std::memcpy(header.signature, signature, 4);
    header.revision = revision;
    std::memcpy(header.oem_id, "ASIVM ", 6);
    std::memcpy(header.oem_table_id, "MINIVM  ", 8);
    header.oem_revision = 1;
    std::memcpy(header.creator_id, "ASI ", 4);
    header.creator_revision = 1;
    return header;
}

using Bytes = std::vector<uint8_t>;

template <typename T>
void append(Bytes& bytes, const T& value) {
    const auto* data = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), data, data + sizeof(value));
}

/// Lays tables into memory one after the other.
class TableWriter {
  public:
    TableWriter(const GuestMemory& memory, uint64_t start) : memory_(memory), next_(start) {}

    /// Fills in length and checksum of the standard header at the start of `table`.
    uint64_t add_table(Bytes table) {
        auto* header = reinterpret_cast<Header*>(table.data());
        header->length = table.size();
        header->checksum = 0;
        header->checksum = checksum_of(table.data(), table.size());
        return add_raw(table.data(), table.size());
    }

    uint64_t add_raw(const void* data, size_t size) {
        const uint64_t address = next_;
        if (address + size > kAcpiEnd)
            throw usage_error("too many CPUs for the space of the ACPI tables");
        memory_.write(address, data, size);
        next_ = (address + size + 63) & ~63ull;  // 64: what the FACS demands
        return address;
    }

  private:
    const GuestMemory& memory_;
    uint64_t next_;
};

GenericAddress io_address(uint64_t port, uint8_t bytes) {
    return {kSystemIo, static_cast<uint8_t>(bytes * 8), 0, bytes, port};
}

Bytes make_fadt(uint64_t facs, uint64_t dsdt) {
    Fadt fadt{};
    fadt.header = make_header("FACP", 5);
    fadt.firmware_control = facs;
    fadt.dsdt = dsdt;
    fadt.x_dsdt = dsdt;
    fadt.sci_interrupt = kSciIrq;
    fadt.pm1a_event = kAcpiEventPort;
    fadt.pm1_event_length = 4;
    fadt.pm1a_control = kAcpiControlPort;
    fadt.pm1_control_length = 2;
    fadt.x_pm1a_event = {kSystemIo, 32, 0, 2, kAcpiEventPort};
    fadt.x_pm1a_control = io_address(kAcpiControlPort, 2);
    fadt.c2_latency = 0xffff;  // beyond the limits: neither C2 nor C3 exists
    fadt.c3_latency = 0xffff;
    fadt.boot_flags = kBootFlags;
    fadt.flags = kFadtFlags;
    fadt.reset_register = io_address(kResetPort, 1);
    fadt.reset_value = kResetValue;
    Bytes bytes;
    append(bytes, fadt);
    return bytes;
}

Bytes make_madt(unsigned cpu_count) {
    Bytes bytes;
    append(bytes, Madt{make_header("APIC", 3), kLocalApicAddress, 1});
    for (unsigned i = 0; i < cpu_count; ++i) {
        const auto id = static_cast<uint8_t>(i);
        append(bytes, MadtLocalApic{0, sizeof(MadtLocalApic), id, id, 1});
    }
    const auto io_apic_id = static_cast<uint8_t>(cpu_count);
    append(bytes, MadtIoApic{1, sizeof(MadtIoApic), io_apic_id, 0, kIoApicAddress, 0});
    append(bytes, MadtOverride{2, sizeof(MadtOverride), 0, kSciIrq, kSciIrq, kActiveHighLevel});
    return bytes;
}

}  // namespace

uint64_t write_acpi_tables(const GuestMemory& memory, unsigned cpu_count) {
    TableWriter writer(memory, kAcpiStart + 64);

    Bytes dsdt;
    append(dsdt, make_header("DSDT", 2));
    append(dsdt, kDsdtCode);
    const uint64_t dsdt_address = writer.add_table(dsdt);

    const Facs facs{{'F', 'A', 'C', 'S'}, sizeof(Facs), {}};
    const uint64_t facs_address = writer.add_raw(&facs, sizeof(facs));
    const uint64_t fadt_address = writer.add_table(make_fadt(facs_address, dsdt_address));
    const uint64_t madt_address = writer.add_table(make_madt(cpu_count));

    Bytes xsdt;
    append(xsdt, make_header("XSDT", 1));
    append(xsdt, fadt_address);
    append(xsdt, madt_address);
    const uint64_t xsdt_address = writer.add_table(xsdt);

    Rsdp rsdp{};
    std::memcpy(rsdp.signature, "RSD PTR ", 8);
    std::memcpy(rsdp.oem_id, "ASIVM ", 6);
    rsdp.revision = 2;
    rsdp.length = sizeof(rsdp);
    rsdp.xsdt = xsdt_address;
    rsdp.checksum = checksum_of(&rsdp, kRsdpFirstRevisionSize);
    rsdp.extended_checksum = checksum_of(&rsdp, sizeof(rsdp));
    memory.put(kAcpiStart, rsdp);
    return kAcpiStart;
}

}  // namespace asi
