// SPDX-License-Identifier: GPL-2.0-only
#include "top_view.h"

#include <algorithm>

#include "order.h"
#include "render_text.h"
#include "table.h"

namespace asi::ctl {
namespace {

using enum Table::Align;
using enum Line::Style;

constexpr std::size_t kItemsInText = 5;       ///< reasons and causes of one VM
constexpr std::size_t kHeightForKeys = 8;     ///< a lower terminal shows no line of keys
constexpr std::size_t kHeightForDetails = 4;  ///< blank, name, heads, one reason
constexpr const char* kKeys = "q quit  up/down select  s sort  p pause";

std::string rate_of(const Number& count, const Interval& interval) {
    return format_rate(per_second(count, interval.seconds));
}

Table vm_table(const Interval& interval) {
    Table table({{"VM", kRight},
                 {"PID", kRight, 2},
                 {"COMM", kLeft, 4},
                 {"VCPUS", kRight, 8},
                 {"EXITS/S", kRight},
                 {"INSIDE%", kRight, 1},
                 {"LEFT/S", kRight, 3},
                 {"USER/S", kRight, 7},
                 {"FLUSH/S", kRight, 5},
                 {"AVOID/S", kRight, 6}});
    for (const VmChange& change : interval.vms) {
        const Vm& vm = change.vm;
        const ExitCounts& e = vm.exits;
        table.add_row({format_number(vm.id), format_number(vm.pid), format_text(vm.comm),
                       format_number(vm.vcpus), rate_of(total_exits(e), interval),
                       format_percent(inside_percent(e.inside, e.left)), rate_of(e.left, interval),
                       rate_of(e.user, interval), rate_of(flushes_done(vm), interval),
                       rate_of(flushes_avoided(vm), interval)});
    }
    return table;
}

Table reason_table(const Vm& vm, const Interval& interval, std::size_t most) {
    Table table({{"EXIT REASON"},
                 {"EXITS/S", kRight},
                 {"INSIDE%", kRight, 2},
                 {"LEFT/S", kRight, 1},
                 {"USER/S", kRight, 3},
                 {"1ST TOUCH/S", kRight, 4}},
                "  ");
    for (const ExitReason& r : vm.reasons) {
        if (most == 0 || total_exits(r) == 0) break;
        --most;
        const bool has_name = r.reason && r.reason != "unnamed";
        table.add_row({has_name ? format_text(r.reason) : format_hex(r.code),
                       rate_of(total_exits(r), interval),
                       format_percent(inside_percent(r.inside, r.left)), rate_of(r.left, interval),
                       rate_of(r.user, interval), rate_of(r.first_touch, interval)});
    }
    return table;
}

Table cause_table(const Vm& vm, const Interval& interval, std::size_t most) {
    Table table({{"COUNT/S", kRight},
                 {"LEFT BY", kLeft, 1},
                 {"DURING", kLeft, 2},
                 {"KIND", kLeft, 3},
                 {"ACCESS", kLeft, 4},
                 {"WHERE"}},
                "  ");
    for (const LeaveCause& c : vm.causes) {
        if (most == 0 || c.count.value_or(0) == 0) break;
        --most;
        table.add_row({rate_of(c.count, interval), format_text(c.how), during(c),
                       kind_and_cache(c.kind, c.cache), format_text(c.access),
                       place(c.symbol, c.ip)});
    }
    return table;
}

std::size_t count_reasons(const Vm& vm) {
    return static_cast<std::size_t>(
        std::count_if(vm.reasons.begin(), vm.reasons.end(),
                      [](const ExitReason& r) { return total_exits(r) != 0; }));
}

std::size_t count_causes(const Vm& vm) {
    return static_cast<std::size_t>(
        std::count_if(vm.causes.begin(), vm.causes.end(),
                      [](const LeaveCause& c) { return c.count.value_or(0) != 0; }));
}

std::string flushes_by_kind(const Vm& vm, const Interval& interval) {
    std::string out;
    for (const Flush& flush : vm.flushes) {
        out += (out.empty() ? ", flushes/s done+avoided: " : ", ") + format_text(flush.name) + ' ' +
               rate_of(flush.done, interval) + '+' + rate_of(flush.avoided, interval);
    }
    return out;
}

void append_table(std::vector<Line>& out, const Table& table, std::size_t width) {
    Line::Style style = kHead;
    for (std::string& text : table.lines(width)) {
        out.push_back({std::move(text), style});
        style = kPlain;
    }
}

/// What of @height lines each of two lists gets, when each wants so many.
struct Shares {
    std::size_t first, second;
};
Shares share_out(std::size_t height, std::size_t first_wants, std::size_t second_wants) {
    const std::size_t left_by_second = height - std::min(second_wants, height);
    const std::size_t first = std::min(first_wants, std::max((height + 1) / 2, left_by_second));
    return {first, std::min(second_wants, height - first)};
}

/// One VM's name, reasons and causes; nothing where @height is too small.
std::vector<Line> details(const Vm& vm, const Interval& interval, std::size_t width,
                          std::size_t height) {
    std::vector<Line> out;
    if (height < kHeightForDetails) return out;
    out.push_back({});
    out.push_back({"VM " + format_number(vm.id) + " (" + format_text(vm.comm) + ")" +
                       flushes_by_kind(vm, interval),
                   kTitle});
    const std::size_t reasons = count_reasons(vm);
    if (reasons == 0) {
        out.push_back({interval.seconds > 0 ? "  no exits" : "  measuring"});
        return out;
    }
    constexpr std::size_t kReasonFrame = 3;  // blank, name, heads
    constexpr std::size_t kCauseFrame = 2;   // blank, heads
    const std::size_t room = height - kReasonFrame;
    std::size_t causes = count_causes(vm);
    Shares shares = share_out(room, reasons, causes == 0 ? 0 : kCauseFrame + causes);
    if (shares.second <= kCauseFrame) shares = {std::min(reasons, room), 0};
    append_table(out, reason_table(vm, interval, shares.first), width);
    if (shares.second == 0) return out;
    out.push_back({});
    append_table(out, cause_table(vm, interval, shares.second - kCauseFrame), width);
    return out;
}

/// The rows of @vms around the selected one.
void append_vms(std::vector<Line>& out, const Interval& interval, std::size_t selected,
                std::size_t width, std::size_t rows) {
    std::vector<std::string> texts = vm_table(interval).lines(width);
    out.push_back({std::move(texts.front()), kHead});
    const std::size_t first = selected < rows ? 0 : selected - rows + 1;
    const std::size_t end = std::min(first + rows, interval.vms.size());
    for (std::size_t i = first; i < end; ++i)
        out.push_back({std::move(texts[i + 1]), i == selected ? kSelected : kPlain});
}

std::string count_of(std::size_t number, const std::string& noun) {
    return std::to_string(number) + ' ' + noun + (number == 1 ? "" : "s");
}

std::string summary_of(const Interval& interval) {
    std::string out = count_of(interval.vms.size(), "VM");
    const auto appeared = std::count_if(interval.vms.begin(), interval.vms.end(),
                                        [](const VmChange& change) { return change.appeared; });
    if (appeared != 0) out += ", " + std::to_string(appeared) + " new";
    if (!interval.ended.empty()) out += ", " + std::to_string(interval.ended.size()) + " ended";
    return out;
}

}  // namespace

void TopView::show(Interval interval) {
    sort_vms(interval.vms, order_);
    const VmChange* const before = selected();
    const auto same =
        std::find_if(interval.vms.begin(), interval.vms.end(), [&](const VmChange& change) {
            return before && change.vm.id == before->vm.id && change.vm.pid == before->vm.pid;
        });
    if (same != interval.vms.end()) {
        selected_ = static_cast<std::size_t>(same - interval.vms.begin());
    } else {
        const std::size_t last = interval.vms.empty() ? 0 : interval.vms.size() - 1;
        selected_ = std::min(selected_, last);
    }
    interval_ = std::move(interval);
}

void TopView::press(TopKey key) {
    switch (key) {
        case TopKey::kUp:
            if (selected_ > 0) --selected_;
            break;
        case TopKey::kDown:
            if (selected_ + 1 < interval_.vms.size()) ++selected_;
            break;
        case TopKey::kSort: {
            order_ = next(order_);
            Interval sorted = interval_;
            show(std::move(sorted));
            break;
        }
        case TopKey::kPause:
            paused_ = !paused_;
            break;
        case TopKey::kQuit:
            break;
    }
}

const VmChange* TopView::selected() const {
    return selected_ < interval_.vms.size() ? &interval_.vms[selected_] : nullptr;
}

std::string TopView::title() const {
    const double seconds = interval_.seconds;
    std::string out = "kvm top: " + summary_of(interval_) + ", by " + name_of(order_) + ", ";
    out += seconds > 0 ? format_seconds(seconds) + " s" : "measuring";
    if (paused_) out += ", paused";
    return out;
}

std::vector<Line> TopView::lines(std::size_t width, std::size_t height) const {
    std::vector<Line> out;
    if (width == 0 || height == 0) return out;
    const bool with_keys = height >= kHeightForKeys;
    const std::size_t end = with_keys ? height - 1 : height;
    // Down to one line: what is selected matters more than its heads, and those
    // more than the title.
    if (height >= 3 || interval_.vms.empty()) out.push_back({title(), kTitle});
    const VmChange* const vm = selected();
    if (vm && height == 1) {
        out.push_back({vm_table(interval_).lines(width)[selected_ + 1], kSelected});
    } else if (vm) {
        const std::size_t room = end - out.size() - 1;
        const std::vector<Line> wanted = details(vm->vm, interval_, width, Table::kAnyWidth);
        Shares shares = share_out(room, interval_.vms.size(), wanted.size());
        if (shares.second < kHeightForDetails) shares.first = room;
        append_vms(out, interval_, selected_, width, shares.first);
        for (Line& line : details(vm->vm, interval_, width, end - out.size()))
            out.push_back(std::move(line));
    }
    if (with_keys) {
        out.resize(end);
        out.push_back({kKeys, kTitle});
    }
    for (Line& line : out) line.text.resize(std::min(line.text.size(), width));
    return out;
}

std::string text_of_interval(const Interval& interval) {
    Interval sorted = interval;
    sort_vms(sorted.vms, SortOrder::kExits);
    std::string out = format_seconds(interval.seconds) + " s: " + summary_of(interval) + '\n';
    if (!sorted.vms.empty()) out += vm_table(sorted).to_string();
    for (const auto& [vm, appeared] : sorted.vms) {
        if (count_reasons(vm) == 0) continue;
        out += "\nVM " + format_number(vm.id) + flushes_by_kind(vm, sorted) + ":\n";
        out += reason_table(vm, sorted, kItemsInText).to_string();
        if (count_causes(vm) != 0) out += '\n' + cause_table(vm, sorted, kItemsInText).to_string();
    }
    return out;
}

}  // namespace asi::ctl
