// SPDX-License-Identifier: GPL-2.0-only
#include "uart.h"

#include <utility>

namespace asi {
namespace {

enum Register : unsigned {
    kData = 0,                     // divisor low when DLAB is set
    kInterruptEnable = 1,          // divisor high when DLAB is set
    kInterruptIdentification = 2,  // FIFO control when written
    kLineControl = 3,
    kModemControl = 4,
    kLineStatus = 5,
    kModemStatus = 6,
    kScratch = 7,
};

constexpr uint8_t kEnableTransmitterEmpty = 0x02;
constexpr uint8_t kInterruptEnableMask = 0x0f;
constexpr uint8_t kNoInterrupt = 0x01;
constexpr uint8_t kTransmitterEmpty = 0x02;
constexpr uint8_t kFifosEnabled = 0xc0;
constexpr uint8_t kFifoEnable = 0x01;
constexpr uint8_t kDivisorLatchAccess = 0x80;
constexpr uint8_t kModemControlMask = 0x1f;
constexpr uint8_t kLoopback = 0x10;
constexpr uint8_t kTransmitterAndHoldingEmpty = 0x60;
constexpr uint8_t kCarrierDataSetClear = 0xb0;  // DCD, DSR and CTS: a listener is there

}  // namespace

Uart::Uart(Console& console, IrqLine irq_line, AfterWrite after_write)
    : console_(console), irq_line_(std::move(irq_line)), after_write_(std::move(after_write)) {}

bool Uart::divisor_selected() const {
    return line_control_ & kDivisorLatchAccess;
}

uint32_t Uart::read(unsigned offset, unsigned) {
    switch (offset) {
        case kData:
            return divisor_selected() ? divisor_low_ : 0;
        case kInterruptEnable:
            return divisor_selected() ? divisor_high_ : interrupt_enable_;
        case kInterruptIdentification:
            return read_interrupt_identification();
        case kLineControl:
            return line_control_;
        case kModemControl:
            return modem_control_;
        case kLineStatus:
            return kTransmitterAndHoldingEmpty;
        case kModemStatus:
            return modem_status();
        default:
            return scratch_;
    }
}

void Uart::write(unsigned offset, unsigned, uint32_t value) {
    const uint8_t byte = value;
    switch (offset) {
        case kData:
            if (divisor_selected())
                divisor_low_ = byte;
            else
                transmit(byte);
            break;
        case kInterruptEnable:
            if (divisor_selected()) {
                divisor_high_ = byte;
                break;
            }
            // Enabling the interrupt while the transmitter is empty raises it at once; the 8250
            // driver probes for chips that don't.
            if (!(interrupt_enable_ & kEnableTransmitterEmpty) && (byte & kEnableTransmitterEmpty))
                transmitter_empty_pending_ = true;
            interrupt_enable_ = byte & kInterruptEnableMask;
            update_irq();
            break;
        case kInterruptIdentification:
            fifo_enabled_ = byte & kFifoEnable;
            break;
        case kLineControl:
            line_control_ = byte;
            break;
        case kModemControl:
            modem_control_ = byte & kModemControlMask;
            break;
        case kScratch:
            scratch_ = byte;
            break;
        default:
            break;
    }
}

uint8_t Uart::read_interrupt_identification() {
    const uint8_t fifos = fifo_enabled_ ? kFifosEnabled : 0;
    if (!irq_level_) return fifos | kNoInterrupt;
    transmitter_empty_pending_ = false;
    update_irq();
    return fifos | kTransmitterEmpty;
}

uint8_t Uart::modem_status() const {
    if (!(modem_control_ & kLoopback)) return kCarrierDataSetClear;
    // In loopback DTR, RTS, OUT1, OUT2 appear as DSR, CTS, RI, DCD.
    uint8_t status = 0;
    if (modem_control_ & 0x01) status |= 0x20;
    if (modem_control_ & 0x02) status |= 0x10;
    if (modem_control_ & 0x04) status |= 0x40;
    if (modem_control_ & 0x08) status |= 0x80;
    return status;
}

void Uart::transmit(uint8_t character) {
    if (!(modem_control_ & kLoopback)) {
        console_.put(static_cast<char>(character));
        after_write_();
    }
    transmitter_empty_pending_ = true;
    update_irq();
}

void Uart::update_irq() {
    const bool level = transmitter_empty_pending_ && (interrupt_enable_ & kEnableTransmitterEmpty);
    if (level == irq_level_) return;
    irq_level_ = level;
    irq_line_(level);
}

}  // namespace asi
