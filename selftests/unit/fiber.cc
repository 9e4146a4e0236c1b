// SPDX-License-Identifier: GPL-2.0-only
#include "fiber.h"

#include <cstdlib>

// Saves what a call preserves and swaps stacks. swapcontext() would do two
// system calls, and ASan has reservations about it.
extern "C" void sim_fiber_switch(void** from, void* to);
asm(R"(
	.text
	.type	sim_fiber_switch, @function
sim_fiber_switch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	sim_fiber_switch, . - sim_fiber_switch
)");

namespace sim {

Fiber* Fiber::starting_;

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(new std::byte[kStackSize]) {
    // Six registers, the address to return to, and the alignment of a call.
    auto* frame = reinterpret_cast<void**>(stack_.get() + kStackSize) - 8;
    for (int i = 0; i < 8; ++i) frame[i] = nullptr;
    frame[6] = reinterpret_cast<void*>(&start);
    top_ = frame;
}

void Fiber::start() {
    starting_->body_();
    std::abort();
}

void Fiber::switch_to(Fiber& next) {
    starting_ = &next;
    sim_fiber_switch(&top_, next.top_);
}

}  // namespace sim
