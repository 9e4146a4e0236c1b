// SPDX-License-Identifier: GPL-2.0-only
#include "patches.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "../engine/opcode.h"
#include "build_error.h"
#include "instruction.h"

namespace guard {
namespace {

constexpr std::size_t kThunkSize = 32, kItsThunkSize = 64;
constexpr u8 kEndbr[] = {0xf3, 0x0f, 0x1e, 0xfa}, kSealed[] = {0x66, 0x0f, 0x1f, 0x00};
constexpr u8 kTrampolineEnd[] = {0x0f, 0xb9, 0xcc};
constexpr u8 kXor5[] = {0x2e, 0x2e, 0x2e, 0x31, 0xc0};
constexpr u16 kAlways = 3 * 32 + 21;
constexpr u16 kFlagNot = 1, kFlagDirectCall = 2;
constexpr u64 kAltEntry = 14;

const char* const kReturnThunks[] = {"__x86_return_thunk",      "retbleed_return_thunk",
                                     "srso_return_thunk",       "srso_alias_return_thunk",
                                     "call_depth_return_thunk", "its_return_thunk"};
// Calls of these are not counted.
const char* const kNotCounted[] = {"error_entry",     "paranoid_entry", "xen_error_entry",
                                   "__switch_to_asm", "ret_from_fork",  "soft_restart_cpu",
                                   "__fentry__"};
const char* const kFtraceEntries[] = {"ftrace_caller", "ftrace_regs_caller"};
const char* const kFtraceCallbacks[] = {"ftrace_stub",
                                        "ftrace_ops_list_func",
                                        "ftrace_ops_assist_func",
                                        "function_trace_call",
                                        "function_stack_trace_call",
                                        "function_no_repeats_trace_call",
                                        "function_stack_no_repeats_trace_call",
                                        "kprobe_ftrace_handler",
                                        "perf_ftrace_function_call",
                                        "ftrace_graph_func",
                                        "irqsoff_tracer_call",
                                        "wakeup_tracer_call",
                                        "stack_trace_call"};

bool is_equal(std::span<const u8> a, std::span<const u8> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

struct Alternative {
    u64 address, replacement;
    u16 feature, flags;
    u8 length, replacement_length;
};

class Collector {
  public:
    Collector(const KernelImage& image, const Nops& nops, const StaticCallTargets& targets)
        : image_(image),
          nops_(nops),
          targets_(targets),
          text_(image.address_of("_text")),
          text_end_(image.address_of("_etext")),
          thunks_(image.find("__x86_indirect_thunk_array")),
          template_(image.find("skl_call_thunk_template")),
          template_size_(template_ ? image.address_of("skl_call_thunk_tail") - *template_ : 0) {
        for (const char* name : kReturnThunks)
            if (const auto address = image.find(name)) return_thunks_.push_back(*address);
        for (const char* name : kNotCounted)
            if (const auto address = image.find(name)) not_counted_.insert(*address);
        static_return0_ = image.find("__static_call_return0");
    }

    std::vector<Patch> run() {
        retpolines();
        returns();
        alternatives();
        call_thunks();
        endbrs();
        smp_locks();
        static_calls();
        jump_labels();
        ftrace();
        runtime_constants();
        std::erase_if(patches_, [this](const Patch& patch) {
            return patch.address < text_ || patch.end() > text_end_;
        });
        return std::move(patches_);
    }

  private:
    using Apply = std::function<Variants(const Code&)>;

    void add(u64 address, u32 length, SiteKind kind, bool live, Apply apply) {
        patches_.push_back({address, length, kind, live, false, std::move(apply)});
    }
    void add_values(u64 address, SiteKind kind, Variants values) {
        if (values.empty()) return;
        const auto length = static_cast<u32>(values.begin()->size());
        add(address, length, kind, true,
            [values = std::move(values)](const Code&) { return values; });
        patches_.back().is_absolute = true;
    }

    /// Calls @visit with what each entry of a table of distances leads to.
    template <typename Visit>
    void for_each(const char* begin, const char* end, Visit visit) const {
        const auto from = image_.find(begin), to = image_.find(end);
        for (u64 at = from.value_or(0); from && to && at + 4 <= *to; at += 4)
            visit(image_.follow(at));
    }

    [[nodiscard]] bool decode_at(u64 address, Instruction& instruction) const {
        return image_.has(address, 15) && decode(image_.bytes(address, 15).data(), 15, instruction);
    }

    /// What is patched before alternatives are.
    void note(u64 address, u32 length, SiteKind kind, Apply apply) {
        add(address, length, kind, false, std::move(apply));
        early_.insert_or_assign(address, patches_.back());
    }

    void retpolines() {
        if (!thunks_) return;
        const auto its = image_.find("__x86_indirect_its_thunk_array");
        const auto calls = image_.find("__x86_indirect_call_thunk_array");
        const auto jumps = image_.find("__x86_indirect_jump_thunk_array");
        for_each("__retpoline_sites", "__retpoline_sites_end", [&](u64 address) {
            Instruction instruction;
            if (!decode_at(address, instruction))
                throw BuildError("no instruction at the retpoline site " +
                                 image_.describe(address));
            note(address, instruction.length, SiteKind::kRetpoline,
                 [this, address, instruction, its, calls, jumps](const Code& before) {
                     return retpoline(address, instruction, before, its, calls, jumps);
                 });
        });
    }

    Variants retpoline(u64 address, const Instruction& instruction, const Code& before,
                       std::optional<u64> its, std::optional<u64> calls,
                       std::optional<u64> jumps) const {
        Variants result{before};
        std::int32_t distance;
        std::memcpy(&distance, before.bytes.data() + instruction.immediate_at, 4);
        const u64 target = address + instruction.length + static_cast<u64>(std::int64_t{distance});
        const u64 number = (target - *thunks_) / kThunkSize;
        if (number >= 16) return result;
        const auto to_thunk = [&](u64 thunk) {
            Code code = before;
            distance = static_cast<std::int32_t>(thunk - (address + instruction.length));
            std::memcpy(code.bytes.data() + instruction.immediate_at, &distance, 4);
            result.insert(code);
        };
        if (calls && jumps)
            to_thunk((instruction.is_call() ? *calls : *jumps) + number * kThunkSize);
        if (its) to_thunk(*its + number * kItsThunkSize);
        for (const bool lfence : {false, true})
            if (auto code = indirect(instruction, static_cast<u8>(number), lfence))
                result.insert(std::move(*code));
        return result;
    }

    /// The branch itself, where it fits.
    [[nodiscard]] std::optional<Code> indirect(const Instruction& instruction, u8 number,
                                               bool lfence) const {
        std::vector<u8> bytes;
        const bool is_call = instruction.is_call();
        if (instruction.is_jcc32()) {
            bytes.push_back(static_cast<u8>(0x70 + ((instruction.second & 0xf) ^ 1)));
            bytes.push_back(static_cast<u8>(instruction.length - 2));
        }
        if (lfence) bytes.insert(bytes.end(), {0x0f, 0xae, 0xe8});
        if (number >= 8) bytes.push_back(0x41);
        bytes.push_back(0xff);
        bytes.push_back(static_cast<u8>((is_call ? 0xd0 : 0xe0) + (number & 7)));
        if (!is_call && bytes.size() < instruction.length) bytes.push_back(kInt3);
        if (bytes.size() > instruction.length) return std::nullopt;
        bytes.resize(instruction.length, 0x90);
        Code code(std::move(bytes));
        nops_.optimize(code);
        return code;
    }

    /// What a return of @length bytes may be.
    [[nodiscard]] Variants return_forms(u64 address, std::size_t length = 5) const {
        Variants result;
        for (const u64 thunk : return_thunks_) result.insert(branch(0xe9, address, thunk));
        std::vector<u8> bytes(length, kInt3);
        bytes[0] = 0xc3;
        result.insert(Code(std::move(bytes)));
        return result;
    }

    void returns() {
        for_each("__return_sites", "__return_sites_end", [&](u64 address) {
            // A trampoline of a static call is one of those.
            if (image_.has(address, 8) && is_equal(image_.bytes(address + 5, 3), kTrampolineEnd))
                return;
            note(address, 5, SiteKind::kReturn,
                 [this, address](const Code&) { return return_forms(address); });
        });
    }

    /// A replacement, after retpolines and returns in it were patched.
    [[nodiscard]] Variants replacements(u64 address, u8 length) const {
        Variants result{code_at(image_, address, length)};
        for (auto at = early_.lower_bound(address);
             at != early_.end() && at->first < address + length; ++at) {
            result = apply_in(result, address, at->second);
        }
        return result;
    }

    static Variants apply_in(const Variants& all, u64 address, const Patch& patch) {
        Variants result;
        for (const Code& code : all)
            for (const Code& part : patch.apply(code.part(patch.address - address, patch.length))) {
                Code changed = code;
                changed.put(patch.address - address, part);
                result.insert(std::move(changed));
            }
        return result;
    }

    void alternatives() {
        const u64 begin = image_.address_of("__alt_instructions");
        const u64 end = image_.address_of("__alt_instructions_end");
        for (u64 at = begin; at + kAltEntry <= end; at += kAltEntry) {
            const auto entry = image_.bytes(at, kAltEntry);
            alternatives_.push_back({image_.follow(at), image_.follow(at + 4),
                                     static_cast<u16>(entry[8] | entry[9] << 8),
                                     static_cast<u16>(entry[10] | entry[11] << 8), entry[12],
                                     entry[13]});
        }
        for (std::size_t i = 0; i < alternatives_.size(); i++) {
            Alternative& a = alternatives_[i];
            for (std::size_t k = i + 1;
                 k < alternatives_.size() && alternatives_[k].address == a.address; k++)
                a.length = alternatives_[k].length = std::max(a.length, alternatives_[k].length);
            add(a.address, a.length, SiteKind::kAlternative, false,
                [this, a](const Code& before) { return alternative(a, before); });
        }
    }

    Variants alternative(const Alternative& a, const Code& before) const {
        Variants result;
        const bool is_always = a.feature == kAlways && !(a.flags & kFlagNot);
        const bool is_never = a.feature == kAlways && (a.flags & kFlagNot);
        if (!is_always) {
            Code code = before;
            nops_.optimize(code);
            result.insert(std::move(code));
        }
        if (is_never) return result;
        for (const Code& replacement : replacements(a.replacement, a.replacement_length)) {
            if (a.flags & kFlagDirectCall) {
                direct_calls(a, replacement, before, result);
                continue;
            }
            result.insert(replaced(a, replacement));
        }
        return result;
    }

    [[nodiscard]] Code replaced(const Alternative& a, Code code) const {
        code.add(Code(std::vector<u8>(a.length - code.size(), 0x90)));
        nops_.move(code, a.address, a.replacement, a.replacement_length);
        return code;
    }

    /// What the slot of pv_ops may hold that the build's code calls through.
    [[nodiscard]] Targets direct_targets(const Alternative& a) const {
        Targets targets = targets_.of_pv_ops();
        const auto code = image_.bytes(a.address, 6);
        std::int32_t distance;
        std::memcpy(&distance, code.data() + 2, 4);
        const u64 slot = a.address + 6 + static_cast<u64>(std::int64_t{distance});
        if (image_.has(slot, 8) && image_.read64(slot)) targets.insert(image_.read64(slot));
        targets.insert(image_.address_of("BUG_func"));
        return targets;
    }

    /// "call BUG_func", which is to become a call of what a slot of pv_ops holds.
    void direct_calls(const Alternative& a, const Code& replacement, const Code& before,
                      Variants& result) const {
        if (before.size() != 6 || before.bytes[0] != 0xff || before.bytes[1] != 0x15 ||
            replacement.size() != 5)
            return;
        const u64 nothing = image_.address_of("nop_func");
        for (const u64 target : direct_targets(a))
            if (target != nothing) result.insert(replaced(a, branch(0xe8, a.replacement, target)));
        result.insert(replaced(a, Code()));
    }

    [[nodiscard]] bool is_counted(u64 target) const {
        return template_ && target >= text_ && target < text_end_ && !not_counted_.contains(target);
    }

    /// Where a counted call goes: the padding before @target, which has room for the template.
    std::optional<u64> padding_of(u64 target) {
        if (!is_counted(target)) return std::nullopt;
        const u64 pad = target - template_size_;
        if (!image_.has(pad, template_size_)) return std::nullopt;
        const auto bytes = image_.bytes(pad, template_size_);
        if (!std::all_of(bytes.begin(), bytes.end(), [](u8 byte) { return byte == 0x90; }))
            return std::nullopt;
        if (paddings_.insert(pad).second) {
            Code code = code_at(image_, *template_, template_size_);
            nops_.move(code, pad, *template_, template_size_);
            add(pad, static_cast<u32>(template_size_), SiteKind::kCallThunk, false,
                [code](const Code& before) {
                    return Variants{before, code};
                });
        }
        return pad;
    }

    void call_thunks() {
        if (!template_) return;
        for_each("__call_sites", "__call_sites_end", [&](u64 address) {
            Instruction instruction;
            if (!decode_at(address, instruction) || !instruction.is_call()) return;
            counted_call(address);
            std::int32_t distance;
            std::memcpy(&distance, image_.bytes(address + 1, 4).data(), 4);
            padding_of(address + 5 + static_cast<u64>(std::int64_t{distance}));
        });
        u64 last = 0;
        for (const Alternative& a : alternatives_) {
            if (a.address == last || a.length < 5) continue;
            last = a.address;
            counted_call(a.address);
            // What it may call is known only when its values are.
            for (const u64 target : calls_of_replacements(a.address)) padding_of(target);
        }
    }

    void counted_call(u64 address) {
        add(address, 5, SiteKind::kCallThunk, false, [this, address](const Code& before) {
            Variants result{before};
            if (before.bytes[0] != 0xe8) return result;
            std::int32_t distance;
            std::memcpy(&distance, before.bytes.data() + 1, 4);
            const u64 target = address + 5 + static_cast<u64>(std::int64_t{distance});
            if (is_counted(target) && paddings_.contains(target - template_size_))
                result.insert(branch(0xe8, address, target - template_size_));
            return result;
        });
    }

    [[nodiscard]] Targets calls_of_replacements(u64 address) const {
        Targets targets;
        for (const Alternative& a : alternatives_) {
            if (a.address != address || a.replacement_length < 5) continue;
            if (a.flags & kFlagDirectCall) targets.merge(direct_targets(a));
            if (image_.bytes(a.replacement, 1)[0] != 0xe8) continue;
            std::int32_t distance;
            std::memcpy(&distance, image_.bytes(a.replacement + 1, 4).data(), 4);
            targets.insert(a.replacement + 5 + static_cast<u64>(std::int64_t{distance}));
        }
        return targets;
    }

    void endbrs() {
        for_each("__ibt_endbr_seal", "__ibt_endbr_seal_end", [&](u64 address) {
            add(address, 4, SiteKind::kEndbr, false, [](const Code& before) {
                if (!is_equal(before.bytes, kEndbr)) return Variants{before};
                return Variants{Code({std::begin(kSealed), std::end(kSealed)})};
            });
        });
    }

    void smp_locks() {
        for_each("__smp_locks", "__smp_locks_end", [&](u64 address) {
            add(address, 1, SiteKind::kSmpLock, true, [](const Code& before) {
                if (before.bytes[0] != 0xf0) return Variants{before};
                return Variants{Code({0xf0}), Code({0x3e})};
            });
        });
    }

    void static_calls() {
        for (const Symbol& symbol : image_.symbols())
            if (symbol.name.starts_with("__SCT__")) trampoline(symbol);
        const u64 begin = image_.address_of("__start_static_call_sites");
        const u64 end = image_.address_of("__stop_static_call_sites");
        for (u64 at = begin; at + 8 <= end; at += 8)
            static_call_site(image_.follow(at), image_.follow(at + 4));
    }

    const Targets& targets_of(const std::string& key) {
        const auto [found, is_new] = targets_of_key_.try_emplace(key);
        if (!is_new) return found->second;
        found->second = targets_.of(key);
        // What the build gives it.
        if (const auto trampoline = image_.find("__SCT__" + key)) {
            const auto bytes = image_.bytes(*trampoline, 5);
            std::int32_t distance;
            std::memcpy(&distance, bytes.data() + 1, 4);
            const u64 target = *trampoline + 5 + static_cast<u64>(std::int64_t{distance});
            if (bytes[0] == 0xe9 && target != return_thunks_.front()) found->second.insert(target);
        }
        return found->second;
    }

    void trampoline(const Symbol& symbol) {
        if (!image_.has(symbol.address, 8) ||
            !is_equal(image_.bytes(symbol.address + 5, 3), kTrampolineEnd))
            return;
        Variants values = return_forms(symbol.address);
        for (const u64 target : targets_of(symbol.name.substr(7)))
            values.insert(branch(0xe9, symbol.address, target));
        add_values(symbol.address, SiteKind::kStaticCall, std::move(values));
    }

    void static_call_site(u64 address, u64 key_and_flags) {
        const u64 key_address = key_and_flags & ~u64{3};
        const bool is_tail = (key_and_flags & 1) != 0;
        const std::string* key = key_at(key_address);
        Instruction instruction;
        if (!key || !decode_at(address, instruction))
            throw BuildError("the static call at " + image_.describe(address) +
                             " has no key with a name");
        Variants values;
        const Targets& targets = targets_of(*key);
        // One in what boot frees has its targets padded all the same.
        if (address < text_ || address >= text_end_) {
            for (const u64 target : targets) padding_of(target);
            return;
        }
        if (instruction.is_jcc32()) {
            const auto conditional = [&](u64 target) {
                Code code({0x0f});
                code.add(branch(instruction.second, address + 1, target));
                values.insert(std::move(code));
            };
            for (const u64 target : targets) conditional(target);
            for (const u64 thunk : return_thunks_) conditional(thunk);
            if (const auto plain = image_.find("__static_call_return")) conditional(*plain);
        } else if (is_tail) {
            values = return_forms(address);
            for (const u64 target : targets) values.insert(branch(0xe9, address, target));
        } else {
            values.insert(nops_.of(5));
            for (const u64 target : targets) {
                if (target == static_return0_)
                    values.insert(Code({std::begin(kXor5), std::end(kXor5)}));
                values.insert(branch(0xe8, address, target));
                if (const auto pad = padding_of(target)) values.insert(branch(0xe8, address, *pad));
            }
        }
        add_values(address, SiteKind::kStaticCall, std::move(values));
    }

    const std::string* key_at(u64 address) {
        if (keys_.empty())
            for (const Symbol& symbol : image_.symbols())
                if (symbol.name.starts_with("__SCK__"))
                    keys_.emplace(symbol.address, symbol.name.substr(7));
        const auto found = keys_.find(address);
        return found == keys_.end() ? nullptr : &found->second;
    }

    void jump_labels() {
        const u64 begin = image_.address_of("__start___jump_table");
        const u64 end = image_.address_of("__stop___jump_table");
        for (u64 at = begin; at + 16 <= end; at += 16) {
            const u64 address = image_.follow(at), target = image_.follow(at + 4);
            if (address < text_ || address >= text_end_) continue;
            Instruction instruction;
            if (!decode_at(address, instruction) ||
                (instruction.length != 2 && instruction.length != 5))
                throw BuildError("the jump label at " + image_.describe(address) +
                                 " has neither 2 nor 5 bytes");
            const std::size_t length = instruction.length;
            add_values(
                address, SiteKind::kJumpLabel,
                {nops_.of(length), branch(length == 2 ? 0xeb : 0xe9, address, target, length)});
        }
    }

    void ftrace() {
        const auto begin = image_.find("__start_mcount_loc"),
                   end = image_.find("__stop_mcount_loc");
        for (u64 at = begin.value_or(0); begin && end && at + 8 <= *end; at += 8) {
            const u64 address = image_.read64(at);
            Variants values{nops_.of(5)};
            for (const char* name : kFtraceEntries)
                if (const auto entry = image_.find(name))
                    values.insert(branch(0xe8, address, *entry));
            add_values(address, SiteKind::kFtrace, std::move(values));
        }
        for (const char* name : {"ftrace_call", "ftrace_regs_call"}) {
            const auto address = image_.find(name);
            if (!address) continue;
            Variants values;
            for (const char* callback : kFtraceCallbacks)
                if (const auto target = image_.find(callback))
                    values.insert(branch(0xe8, *address, *target));
            // Until the first tracer comes it is a call like others.
            const auto stub = image_.find("ftrace_stub");
            if (const auto pad = stub ? padding_of(*stub) : std::nullopt)
                values.insert(branch(0xe8, *address, *pad));
            add_values(*address, SiteKind::kFtraceCall, std::move(values));
        }
    }

    void runtime_constants() {
        for (const Section& section : image_.sections()) {
            const bool is_pointer = section.name.starts_with("runtime_ptr_");
            if (!is_pointer && !section.name.starts_with("runtime_shift_")) continue;
            for (u64 at = 0; at + 4 <= section.bytes.size(); at += 4)
                add(image_.follow(section.address + at), is_pointer ? 8 : 1,
                    SiteKind::kRuntimeConstant, false, nullptr);
        }
    }

    const KernelImage& image_;
    const Nops& nops_;
    const StaticCallTargets& targets_;
    const u64 text_, text_end_;
    const std::optional<u64> thunks_, template_;
    const u64 template_size_;
    std::vector<u64> return_thunks_;
    Targets not_counted_, paddings_;
    std::optional<u64> static_return0_;
    std::vector<Patch> patches_;
    std::map<u64, Patch> early_;  ///< retpolines and returns: they lie in replacements, too
    std::vector<Alternative> alternatives_;
    std::map<std::string, Targets> targets_of_key_;
    std::unordered_map<u64, std::string> keys_;
};

}  // namespace

PatchList collect_patches(const KernelImage& image, const Nops& nops,
                          const StaticCallTargets& targets) {
    const auto collector = std::make_shared<Collector>(image, nops, targets);
    return {collector->run(), collector};
}

}  // namespace guard
