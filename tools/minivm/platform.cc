// SPDX-License-Identifier: GPL-2.0-only
#include "platform.h"

#include <ctime>

namespace asi {
namespace {

constexpr unsigned kEventEnableOffset = 2;
constexpr unsigned kControlOffset = kAcpiControlPort - kAcpiEventPort;
constexpr uint16_t kSciEnabled = 1u << 0;
constexpr uint16_t kSleepEnable = 1u << 13;
constexpr unsigned kSleepTypeShift = 10;
constexpr uint8_t kResetCpuBit = 0x04;
constexpr uint8_t kPulseResetLine = 0xfe;

// [motorola/mc146818]: registers 0x00..0x0d.
enum CmosRegister : uint8_t {
    kSeconds = 0x00,
    kMinutes = 0x02,
    kHours = 0x04,
    kWeekday = 0x06,
    kDay = 0x07,
    kMonth = 0x08,
    kYear = 0x09,
    kStatusA = 0x0a,
    kStatusB = 0x0b,
    kStatusC = 0x0c,
    kStatusD = 0x0d,
    kCentury = 0x32,
};

uint8_t to_bcd(int value) {
    return (value / 10 % 10) << 4 | value % 10;
}

}  // namespace

uint32_t AcpiPorts::read(unsigned offset, unsigned) {
    switch (offset) {
        case kEventEnableOffset:
            return event_enable_;
        case kControlOffset:
            // The table names no SMI command port: the machine is in ACPI mode from the start.
            return kSciEnabled;
        default:
            return 0;
    }
}

void AcpiPorts::write(unsigned offset, unsigned, uint32_t value) {
    if (offset == kEventEnableOffset) event_enable_ = value;
    if (offset != kControlOffset || !(value & kSleepEnable)) return;
    if ((value >> kSleepTypeShift & 7) == kAcpiSleepTypePowerOff) end_.set(GuestEndKind::kPowerOff);
}

uint32_t ResetPort::read(unsigned, unsigned) {
    return 0;
}

void ResetPort::write(unsigned, unsigned, uint32_t value) {
    if (value & kResetCpuBit) end_.set(GuestEndKind::kReset);
}

uint32_t KeyboardController::read(unsigned, unsigned) {
    return 0;
}

void KeyboardController::write(unsigned, unsigned, uint32_t value) {
    if ((value & 0xff) == kPulseResetLine) end_.set(GuestEndKind::kReset);
}

uint32_t DebugPort::read(unsigned, unsigned) {
    return ~0u;
}

void DebugPort::write(unsigned, unsigned, uint32_t value) {
    end_.set(GuestEndKind::kDebugPort, value);
}

uint32_t Cmos::read(unsigned offset, unsigned) {
    if (offset == 0) return 0xff;
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    switch (index_) {
        case kSeconds:
            return to_bcd(utc.tm_sec);
        case kMinutes:
            return to_bcd(utc.tm_min);
        case kHours:
            return to_bcd(utc.tm_hour);
        case kWeekday:
            return to_bcd(utc.tm_wday + 1);
        case kDay:
            return to_bcd(utc.tm_mday);
        case kMonth:
            return to_bcd(utc.tm_mon + 1);
        case kYear:
            return to_bcd(utc.tm_year % 100);
        case kCentury:
            return to_bcd((utc.tm_year + 1900) / 100);
        case kStatusA:
            return 0x26;  // 32768 Hz, no update in progress
        case kStatusB:
            return 0x02;  // 24 hours, BCD
        case kStatusC:
            return 0x00;
        case kStatusD:
            return 0x80;  // the battery is good
        default:
            return 0x00;
    }
}

void Cmos::write(unsigned offset, unsigned, uint32_t value) {
    if (offset == 0) index_ = value & 0x7f;
}

}  // namespace asi
