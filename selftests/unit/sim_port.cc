// SPDX-License-Identifier: GPL-2.0-only
#include "sim_port.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#define SIM_POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SIM_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define SIM_POISON(p, n) ((void)(p))
#define SIM_UNPOISON(p, n) ((void)(p))
#endif

namespace sim {
namespace {

constexpr std::size_t kPage = 4096;

class Arena {
  public:
    Arena(std::uint64_t phys_base, std::size_t pages)
        : phys_base_(phys_base), size_(pages * kPage), live_(pages, false) {
        void* start = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) throw Failure("no memory for an arena");
        start_ = static_cast<char*>(start);
        SIM_POISON(start_, size_);
    }

    void* allocate() {
        if (!free_.empty()) {
            const std::size_t index = free_.back();
            free_.pop_back();
            return hand_out(index);
        }
        if (next_ >= live_.size()) throw Failure("arena exhausted");
        return hand_out(next_++);
    }
    void* allocate_pair() {
        if (next_ % 2 != 0) free_.push_back(next_++);
        if (next_ + 2 > live_.size()) throw Failure("arena exhausted");
        void* first = hand_out(next_++);
        hand_out(next_++);
        return first;
    }
    void release(void* page) {
        const std::size_t index = index_of(page);
        live_[index] = false;
        --live_count_;
        // A stale reader must not get away with plausible contents.
        std::memset(page, 0xdb, kPage);
        SIM_POISON(page, kPage);
        free_.push_back(index);
    }
    void release_all() {
        for (std::size_t i = 0; i < next_; ++i)
            if (live_[i]) release(start_ + i * kPage);
        free_.clear();
        next_ = 0;
    }
    void protect(bool read_only) {
        if (mprotect(start_, size_, read_only ? PROT_READ : PROT_READ | PROT_WRITE) != 0)
            throw Failure("mprotect failed");
    }

    bool holds(const void* page) const { return page >= start_ && page < start_ + size_; }
    bool holds_phys(std::uint64_t phys) const {
        return phys >= phys_base_ && phys < phys_base_ + size_;
    }
    std::uint64_t phys(const void* page) const { return phys_base_ + index_of(page) * kPage; }
    void* virt(std::uint64_t phys) const {
        char* page = start_ + (phys - phys_base_);
        index_of(page);
        return page;
    }
    std::size_t live_count() const { return live_count_; }

  private:
    void* hand_out(std::size_t index) {
        char* page = start_ + index * kPage;
        live_[index] = true;
        ++live_count_;
        SIM_UNPOISON(page, kPage);
        std::memset(page, 0, kPage);
        return page;
    }
    std::size_t index_of(const void* page) const {
        const std::size_t offset = static_cast<const char*>(page) - start_;
        if (!holds(page) || offset % kPage != 0 || !live_[offset / kPage])
            throw Failure("not a live page");
        return offset / kPage;
    }

    std::uint64_t phys_base_;
    std::size_t size_;
    std::size_t next_ = 0;
    std::size_t live_count_ = 0;
    char* start_;
    std::vector<bool> live_;
    std::vector<std::size_t> free_;
};

Arena& own() {
    static Arena arena(0x7'1000'0000, 1 << 16);
    return arena;
}
Arena& foreign() {
    static Arena arena(0x3'4560'0000, 1 << 14);
    return arena;
}

unsigned bugs;
bool root_fails;
void (*phys_hook)();

}  // namespace

void* allocate_page() {
    return own().allocate();
}
void* allocate_foreign_page() {
    return foreign().allocate();
}
void free_foreign_pages() {
    foreign().protect(false);
    foreign().release_all();
}
void set_foreign_read_only(bool read_only) {
    foreign().protect(read_only);
}
std::size_t live_pages() {
    return own().live_count();
}
unsigned take_bugs() {
    const unsigned result = bugs;
    bugs = 0;
    return result;
}
void fail_next_root() {
    root_fails = true;
}
void set_phys_hook(void (*hook)()) {
    phys_hook = hook;
}
void free_all() {
    own().release_all();
    free_foreign_pages();
}

}  // namespace sim

void* asi_port_alloc_root() {
    if (sim::root_fails) {
        sim::root_fails = false;
        return nullptr;
    }
    return sim::own().allocate_pair();
}

void asi_port_free_table(void* table) {
    sim::own().release(table);
}

asi_u64 asi_port_phys(const void* table) {
    if (auto hook = sim::phys_hook) {
        sim::phys_hook = nullptr;
        hook();
    }
    return sim::own().holds(table) ? sim::own().phys(table) : sim::foreign().phys(table);
}

void* asi_port_virt(asi_u64 phys) {
    if (sim::own().holds_phys(phys)) return sim::own().virt(phys);
    if (sim::foreign().holds_phys(phys)) return sim::foreign().virt(phys);
    throw sim::Failure("no page at physical address " + std::to_string(phys));
}

void asi_port_bug(const char* what, asi_u64 value) {
    ++sim::bugs;
    std::fprintf(stderr, "bug: %s (0x%llx)\n", what, static_cast<unsigned long long>(value));
}
