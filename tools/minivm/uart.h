// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>

#include "console.h"
#include "port_bus.h"

namespace asi {

/// The transmitting half of a 16550A: everything Linux's 8250 driver probes for, an always empty
/// transmitter, interrupts included, and a receiver to which nothing ever comes.
/// [ti/pc16550d]: register names and interrupt rules.
class Uart : public PortDevice {
  public:
    static constexpr unsigned kPortCount = 8;

    using IrqLine = std::function<void(bool level)>;
    using AfterWrite = std::function<void()>;

    /// `after_write` runs after each transmitted character.
    Uart(Console& console, IrqLine irq_line, AfterWrite after_write);

    uint32_t read(unsigned offset, unsigned size) override;
    void write(unsigned offset, unsigned size, uint32_t value) override;

  private:
    uint8_t read_interrupt_identification();
    uint8_t modem_status() const;
    void transmit(uint8_t character);
    void update_irq();
    bool divisor_selected() const;

    Console& console_;
    IrqLine irq_line_;
    AfterWrite after_write_;
    uint8_t divisor_low_ = 12;
    uint8_t divisor_high_ = 0;
    uint8_t interrupt_enable_ = 0;
    uint8_t line_control_ = 0;
    uint8_t modem_control_ = 0;
    uint8_t scratch_ = 0;
    bool fifo_enabled_ = false;
    bool transmitter_empty_pending_ = false;
    bool irq_level_ = false;
};

}  // namespace asi
