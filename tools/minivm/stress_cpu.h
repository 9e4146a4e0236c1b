// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "stress_abi.h"

// What a vCPU of the stress tests' guest finds, the instructions it needs by name, and how it says
// that something is wrong.
namespace asi::stress {

inline Machine& machine() {
    return *reinterpret_cast<Machine*>(kMachineAddress);
}

inline VcpuState& state_of(uint64_t vcpu) {
    return *reinterpret_cast<VcpuState*>(kVcpuStateAddress + vcpu * kVcpuStateStride);
}

inline VcpuState& me() {
    VcpuState* self;
    asm volatile("mov %%gs:0, %0" : "=r"(self));
    return *self;
}

inline uint64_t read_msr(uint32_t msr) {
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return uint64_t{high} << 32 | low;
}

inline void write_msr(uint32_t msr, uint64_t value) {
    asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<uint32_t>(value)),
                 "d"(static_cast<uint32_t>(value >> 32))
                 : "memory");
}

inline void out8(uint16_t port, uint8_t value) {
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

inline uint8_t in8(uint16_t port) {
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

// One plain instruction each: what KVM has to emulate when no memory is behind the address.
template <typename T>
T load(uint64_t address) {
    T value;
    asm volatile("mov %1, %0" : "=r"(value) : "m"(*reinterpret_cast<T*>(address)) : "memory");
    return value;
}

template <typename T>
void store(uint64_t address, T value) {
    asm volatile("mov %1, %0" : "=m"(*reinterpret_cast<T*>(address)) : "r"(value) : "memory");
}

inline void copy_words(uint64_t* to, uint64_t from, uint64_t words) {
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

inline void exit_once() {
    uint32_t eax = 0, ebx, ecx = 0, edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx)::"memory");
}

[[noreturn]] inline void end(uint8_t status) {
    for (;;) out8(0xf4, status);
}

inline uint64_t next_random(uint64_t& random) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random >> 16;
}

inline void check(Operation operation, uint64_t where, uint64_t expected, uint64_t found) {
    if (expected == found) return;
    VcpuState& vcpu = me();
    vcpu.wrong = operation;
    vcpu.where = where;
    vcpu.expected = expected;
    vcpu.found = found;
    end(1);
}

}  // namespace asi::stress
