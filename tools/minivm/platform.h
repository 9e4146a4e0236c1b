// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

#include "guest_end.h"
#include "port_bus.h"

namespace asi {

constexpr unsigned kAcpiEventPort = 0x600;
constexpr unsigned kAcpiControlPort = 0x604;
constexpr unsigned kAcpiSleepTypePowerOff = 5;
constexpr unsigned kResetPort = 0xcf9;
constexpr uint8_t kResetValue = 0x06;
constexpr unsigned kDebugPort = 0xf4;
constexpr unsigned kCmosPort = 0x70;
constexpr unsigned kKeyboardDataPort = 0x60;
constexpr unsigned kKeyboardCommandPort = 0x64;

/// A device with a register that ends the guest.
class EndingDevice : public PortDevice {
  public:
    explicit EndingDevice(GuestEnd& end) : end_(end) {}

  protected:
    GuestEnd& end_;
};

/// ACPI PM1a event and control blocks, six ports from kAcpiEventPort on. [acpi 6.5]: 4.8.3.
class AcpiPorts : public EndingDevice {
  public:
    static constexpr unsigned kPortCount = 6;

    using EndingDevice::EndingDevice;
    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;

  private:
    uint16_t event_enable_ = 0;
};

/// The chipset's reset control register at kResetPort.
class ResetPort : public EndingDevice {
  public:
    using EndingDevice::EndingDevice;
    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;
};

/// A keyboard controller that knows one command: pulse the reset line.
class KeyboardController : public EndingDevice {
  public:
    using EndingDevice::EndingDevice;
    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;
};

/// Ends the guest with the byte written.
class DebugPort : public EndingDevice {
  public:
    using EndingDevice::EndingDevice;
    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;
};

/// The clock of a CMOS chip, with the host's time and no memory.
class Cmos : public PortDevice {
  public:
    static constexpr unsigned kPortCount = 2;

    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;

  private:
    uint8_t index_ = 0;
};

}  // namespace asi
