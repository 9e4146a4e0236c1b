// SPDX-License-Identifier: GPL-2.0-only
//
// The command line: which subcommands and options there are, and what they say
// about themselves.
#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "parse.h"
#include "process.h"
#include "sci_profile.h"
#include "table.h"

namespace asi::ctl {
namespace {

struct GlobalOptions {
    bool json = false;
    std::string sysfs_root = "/sys";
    std::string debugfs_root = "/sys/kernel/debug";
    std::string netns_root = "/run/netns";
    std::string netns_switch = "/proc/sys/net/asi/isolate";
};

constexpr const char* kMainFooter =
    R"(Exit status: 0 success, 1 failure or a violation that verify found, 2 wrong
usage, 3 the running kernel has no address space isolation, 4 it is off; sci run
has others.

All but status, mitigations, policy check, policy show --default, sci run, sci merge and
manifest need root.  --json prints one object; a value the kernel did not give is null; ip, address and entry are
strings of hexadecimal digits; what asictl does not know itself is under "other".)";

constexpr const char* kStatusFooter =
    R"(JSON: {state, reason, pti, pcid, levels, global_bit, kvm, sci, netns, smt,
smt_threads, xom, xom_reason, domains, enters, exits, faults, grows, denies, cr3_writes, other})";

constexpr const char* kMitigationsFooter =
    R"(BUG: the name of a file in /sys/devices/system/cpu/vulnerabilities; without one all
of them, briefly.  What isolation is not told, such as where it is off, is taken as
the kernel has it.  Counts of flushes need root.

JSON: {machine: {isolation, reason, guests_isolated, calls_isolated, asi_flush,
smt_control, smt_active, asi_smt}, flushes: [{flush, done, avoided, where}], bugs: [{bug, known, name, cves, leaks, reported, affected,
kernel_says, vectors: {user_kernel, user_user, guest_host, guest_guest, sibling: each
{state, by, why, way, why_not or kernel, isolation, flushed, remains, effect,
flush}}}]}; state: not_reported, not_affected, no_way, mitigated, partly, open or
unknown; by: kernel, isolation, no_sibling or null.  With --known: {flushes:
[{flush, where}], bugs: [{bug, known, name, cves, leaks, vectors}]})";

constexpr const char* kNetnsListFooter =
    R"(PRIVATE, SPILLED: bytes sent in private memory, and in ordinary; without protocols of
which nothing is private.  BORDER: what was copied on its way out of a namespace.  EXHAUSTED:
how often a sender found no memory.

JSON: {namespaces: [{namespace, isolated, dying, granules, free_pieces, table_pages,
sockets_before, tcp_private_bytes, tcp_spilled_bytes, the same of unix, udp, raw, packet and
other; not_private_sends, border_bytes, border_refused, exhausted, refused, admitted, name,
other}], other})";

constexpr const char* kNetnsShowFooter =
    R"(JSON: as an element of netns list, and touches: [{action, owner, acting, context, pid,
comm, access, address, ip, symbol, other}])";

constexpr const char* kNetnsIsolateFooter =
    R"(Writes the sysctl net.asi.isolate of the namespace.  It takes CAP_NET_ADMIN there, and
CAP_SYS_ADMIN to enter one by its name.

JSON: {name, isolate})";

constexpr const char* kXomFooter =
    R"(Isolation need not be on.  Each access is in asictl faults --class=xom.
Exit status: 0 also where text can be read, 4 where the kernel has no execute-only text.

READER: a function that wanted to read, as long as the fault log has it.

JSON: {backend, reason, action, kernel_pages, kernel_pages_large, module_pages,
ftrace_pages, probe_pages, other_pages, windows, refused, logged, aliases_refused,
readers: [{refused, logged, symbol, other}], other}; backend: pks or off;
reason: why it is off; action: deny or log)";

constexpr const char* kDomainsFooter =
    R"(OWNED: mapped by tables of the domain's own, not by shared ones; TABLES: how many
of its own it has; RESERVE: pages kept for more.

JSON: {domains: [{domain, class, pid, comm, tables, reserve, owned_bytes,
reachable_bytes, ram_bytes, ram_percent, kinds: [{kind, bytes,
reachable_percent, ram_percent, other}], other}]})";

constexpr const char* kFaultsFooter =
    R"(FIRST and LAST are seconds since boot, as in dmesg.

JSON: {faults: [{class, count, kind, cache, access, action, critical, ip, symbol,
address, pid, cpu, first_ns, last_ns, other}], totals: [{class, total, dropped}],
other}; with --clear {cleared})";

constexpr const char* kStatsFooter = R"(JSON: {NAME: value, ...}, names as the kernel gives them)";

constexpr const char* kVerifyFooter =
    R"(The kernel checks while this waits.  Exit status: 0 no violation, 1 at least one.

JSON: {domains, leaves, violations, shown: [{domain, address, entry, what}]})";

constexpr const char* kKvmReportFooter =
    R"(INSIDE%: share handled without leaving the restricted address space, of the exits
that neither went to user space nor mapped guest memory for the first time.

JSON: {vms: [{vm, pid, comm, vcpus, vendor, causes_dropped, exits: {total, inside,
left, user, first_touch, first_touch_left, inside_percent, other}, reasons:
[{reason, code, inside, left, user, first_touch, total, inside_percent, other}],
causes: [{reason, code, how, kind, cache, access, ip, symbol, count, other}],
flushes: [{flush, done, avoided, avoided_percent, other}], other}],
ended: null or the same for the sum of VMs that ended})";

constexpr const char* kKvmFooter = "Without a subcommand: report.";

constexpr const char* kKvmTopFooter =
    R"(On a terminal, until q is pressed; up and down (k, j) select a VM, s changes the
order (exits, left, inside, user, flushes, vm), p pauses.  Otherwise, and with
--json, one block of text or one object for each interval.

JSON: {seconds, vms: [as kvm report --json, but counts of the interval, with
appeared, per_second: {exits, left, user, flushes_done, flushes_avoided}],
ended: [{vm, pid, comm}]})";

constexpr const char* kSciRunFooter =
    R"(asictl sci run [OPTIONS] -- COMMAND [ARGUMENT ...]

LIST: names or numbers of system calls and "all", with commas between; ! before one
takes it away; a list that starts with ! starts with all.  Quote '!'.

Without CAP_SYS_ADMIN it takes the sysctl kernel.unprivileged_syscall_isolation to
be 1, and no_new_privs is set: nothing that COMMAND runs gains privileges by
set-user-ID bits or file capabilities.  --mode=learn takes CAP_SYS_ADMIN.

Exit status: that of COMMAND; 125 asictl failed, 126 COMMAND cannot be run, 127 it
is not found.)";

constexpr const char* kSciProfilesFooter =
    R"(JSON: {profiles: [{profile, builtin, calls, learned_pages, tasks, mapped_pages,
refused, other}], other})";

constexpr const char* kSciShowFooter =
    R"(DATA: kinds of kernel data the call reads (r) and writes (w).

JSON: {profiles: [{profile, build_id, text_pages, calls: [{call, call_name,
text_pages, data: [{kind, access}]}]}]})";

constexpr const char* kSciExportFooter =
    R"(JSON, only with -o FILE: {file, profile, build_id, calls, text_pages})";

constexpr const char* kSciImportFooter =
    R"(All of it is taken or nothing.  It must be of the running kernel, and no task may
use a profile of that name.

JSON: {imported, profile, build_id, calls, text_pages, error: null or {line, message}})";

constexpr const char* kSciMergeFooter =
    R"(Works on files alone.  All must be of the same kernel.

JSON, only with -o FILE: {file, profile, build_id, calls, text_pages})";

constexpr const char* kSciViolationsFooter =
    R"(What killed a task stands first, then the most frequent.

JSON: {violations: [{count, pid, comm, call, kind, access, address, ip, symbol,
action, reason, call_name, other}], other}; with --clear {cleared})";

constexpr const char* kManifestBuildFooter = R"(JSON: {file, bytes, sites, relocations})";

constexpr const char* kManifestCheckFooter =
    R"(MEMORY: physical memory from address 0, as QEMU's memory-backend-file keeps it.  Exit
status: 0 every byte is explained, 1 at least one is not.

JSON: {equal, explained, breakpoints, constants, frozen, unexplained, position, moved,
symbols: [{symbol, range, site, bytes, offset}]})";

constexpr double kShortestInterval = 0.1;
constexpr double kLongestInterval = 3600;

constexpr const char* kPolicyShowFooter =
    R"(JSON: {source, rules: [{class, kind, cache, access, action, log, text}]})";

constexpr const char* kPolicyInputFooter =
    R"(A rule: CLASS KIND[:CACHE] ACCESS ACTION[,log|,nolog], for instance
'kvm slab:kvm_vcpu rw grow'.  ACCESS: letters of rwx; ACTION: grow, exit, deny.
The word 'default' goes back to the built-in policy first.  Quote '*'.

JSON: {valid, applied, error: null or {line, message}})";

/// Global options work after any subcommand too.  CLI11's fallthrough() would
/// give that as well, but then takes policy words such as "kvm" for subcommands.
void add_global_options(CLI::App& app, GlobalOptions& options) {
    app.add_flag("--json", options.json, "Print JSON");
    app.add_option("--sysfs-root", options.sysfs_root)->group("");
    app.add_option("--debugfs-root", options.debugfs_root)->group("");
    app.add_option("--netns-root", options.netns_root)->group("");
    app.add_option("--netns-switch", options.netns_switch)->group("");
}

/// Nothing unless @text as a whole is a number of seconds that can be an interval.
std::optional<double> parse_interval(const std::string& text) {
    double seconds = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
    if (error != std::errc() || stop != end) return std::nullopt;
    // "nan" is a number to from_chars() and not in any range.
    if (!(seconds >= kShortestInterval && seconds <= kLongestInterval)) return std::nullopt;
    return seconds;
}

/// No mode of that name: 0.
unsigned find_mode(const std::string& name) {
    if (name == "learn") return SCI_MODE_LEARN;
    if (name == "enforce") return SCI_MODE_ENFORCE;
    return name == "log" ? SCI_MODE_LOG : 0;
}

class CommandLine {
  public:
    CommandLine() : app_("Show and steer address space isolation in the kernel", "asictl") {
        app_.footer(kMainFooter);
        app_.require_subcommand(0, 1);
        add_global_options(app_, global_);
        add_state_commands();
        add_mitigations();
        add_faults();
        add_verify();
        add_policy();
        add_kvm();
        add_sci();
        add_netns();
        add_xom();
        add_manifest();
    }

    void parse(std::vector<std::string> arguments) {
        take_command(arguments);
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        app_.parse(std::move(arguments));
    }

    /// The status when asictl itself is what fails in a way that has @code.
    [[nodiscard]] ExitCode status_of_failure(ExitCode code) const {
        const bool is_own = code != ExitCode::kNotExecutable && code != ExitCode::kNotFound;
        return sci_run_->parsed() && is_own ? ExitCode::kRunFailed : code;
    }

    /// What --help prints for the subcommand that was named.
    [[nodiscard]] std::string help() { return app_.help(); }

    [[nodiscard]] ExitCode execute(std::istream& in, std::ostream& out, OutputKind out_kind) {
        if (!command_) fail_without_command();
        command_({KernelFiles(global_.sysfs_root, global_.debugfs_root),
                  NetnsNames(global_.netns_root, global_.netns_switch), global_.json, in, out,
                  out_kind});
        return status_;
    }

  private:
    CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& description,
                          const char* footer, std::function<void(const Context&)> command) {
        CLI::App& app = *parent.add_subcommand(name, description);
        app.footer(footer);
        add_global_options(app, global_);
        app.callback([this, command = std::move(command)] { command_ = command; });
        return app;
    }

    /// CLI11 can ask for a subcommand itself, but then "asictl bogus" is told that
    /// one is missing and not that there is no "bogus".
    [[noreturn]] void fail_without_command() {
        const CLI::App* app = &app_;
        while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
        std::string names;
        for (const CLI::App* sub : app->get_subcommands(nullptr))
            names += (names.empty() ? "" : ", ") + sub->get_name();
        throw Failure(ExitCode::kUsage, "a subcommand is missing: one of " + names);
    }

    CLI::App& add_command_group(const std::string& name, const std::string& description) {
        CLI::App& app = *app_.add_subcommand(name, description);
        app.require_subcommand(0, 1);
        add_global_options(app, global_);
        return app;
    }

    void add_state_commands() {
        add_command(app_, "status", "Whether isolation is on, and its counters", kStatusFooter,
                    run_status);
        add_command(app_, "domains", "Restricted address spaces and the memory they reach",
                    kDomainsFooter, run_domains);
        add_command(app_, "stats", "Counters of the core", kStatsFooter, run_stats);
    }

    void add_mitigations() {
        CLI::App& mitigations = add_command(
            app_, "mitigations", "Processor bugs, and who is protected from them by what",
            kMitigationsFooter,
            [this](const Context& context) { run_mitigations(context, mitigations_); });
        mitigations.add_option("BUG", mitigations_.bugs, "Say all about this one")->type_name("");
        mitigations.add_flag("--known", mitigations_.known,
                             "Print what is so on every machine; needs no kernel support");
    }

    void add_faults() {
        CLI::App& faults =
            add_command(app_, "faults", "Accesses that were not mapped", kFaultsFooter,
                        [this](const Context& context) { run_faults(context, faults_); });
        auto* only = faults.add_option("--class", faults_.class_name, "Show only this class");
        faults.add_flag("--clear", faults_.clear, "Empty the log instead of showing it")
            ->excludes(only);
    }

    void add_verify() {
        add_command(app_, "verify", "Compare what domains map with the kernel's own tables",
                    kVerifyFooter,
                    [this](const Context& context) { status_ = run_verify(context); });
    }

    void add_policy() {
        CLI::App& policy = add_command_group("policy", "What happens on a touch, by memory kind");
        CLI::App& show =
            add_command(policy, "show", "Print the policy in force", kPolicyShowFooter,
                        [this](const Context& context) { run_policy_show(context, built_in_); });
        show.add_flag("--default", built_in_, "Print the built-in policy; needs no kernel support");

        CLI::App& set = add_command(
            policy, "set", "Put rules on top of the policy in force, all or none",
            kPolicyInputFooter, [this](const Context& context) {
                dry_run_ ? run_policy_check(context, input_) : run_policy_set(context, input_);
            });
        add_policy_input(set);
        set.add_flag("--dry-run", dry_run_, "Only check, as 'policy check' does");

        CLI::App& check = add_command(
            policy, "check",
            "Say whether rules are valid on top of the built-in policy; changes nothing",
            kPolicyInputFooter,
            [this](const Context& context) { run_policy_check(context, input_); });
        add_policy_input(check);
    }

    void add_policy_input(CLI::App& app) {
        auto* words = app.add_option("RULE", input_.words,
                                     "Rules, in words or quoted; '-' reads standard input");
        words->type_name("");
        app.add_option("-f,--file", input_.file, "Read rules from FILE; '-': standard input")
            ->type_name("FILE")
            ->excludes(words);
    }

    void add_kvm() {
        CLI::App& kvm = add_command_group("kvm", "Isolation of virtual machines");
        add_command(kvm, "report", "Where VM exits were handled, and what made them leave",
                    kKvmReportFooter, run_kvm_report);
        // The callback of a group comes after that of its subcommand.
        kvm.footer(kKvmFooter);
        kvm.callback([this] {
            if (!command_) command_ = run_kvm_report;
        });
        add_kvm_top(kvm);
    }

    void add_kvm_top(CLI::App& kvm) {
        CLI::App& top =
            add_command(kvm, "top", "The same, live, as rates per second", kKvmTopFooter,
                        [this](const Context& context) { run_kvm_top(context, top_); });
        add_value(top, "--interval", "SECONDS", "Time between two refreshes (default 1)",
                  "a number of seconds from 0.1 to 3600", [this](const std::string& text) {
                      const auto seconds = parse_interval(text);
                      if (seconds) top_.interval_seconds = *seconds;
                      return seconds.has_value();
                  });
        add_value(top, "--iterations", "N",
                  "End after N intervals (default: never on a terminal, else 1)",
                  "a whole number from 1", [this](const std::string& text) {
                      top_.iterations = parse_number(text);
                      return top_.iterations.value_or(0) != 0;
                  });
    }

    /// An option whose value @take refuses by returning false; @wanted says what
    /// it takes.
    static void add_value(CLI::App& app, const std::string& name, const std::string& type,
                          const std::string& description, const std::string& wanted,
                          std::function<bool(const std::string&)> take) {
        app.add_option_function<std::string>(
               name,
               [=](const std::string& text) {
                   if (!take(text))
                       throw CLI::ValidationError(name, "'" + text + "' is not " + wanted);
               },
               description)
            ->type_name(type);
    }

    void add_sci() {
        CLI::App& sci = add_command_group("sci", "Isolation of system calls");
        add_sci_run(sci);
        add_command(sci, "profiles", "Profiles that the kernel has, and who uses them",
                    kSciProfilesFooter, run_sci_profiles);
        CLI::App& show =
            add_command(sci, "show", "What each system call of a profile needs", kSciShowFooter,
                        [this](const Context& context) { run_sci_show(context, sci_show_); });
        show.add_option("NAME", sci_show_.name, "Show only this profile")->type_name("");
        CLI::App& export_ =
            add_command(sci, "export", "Write a profile as text", kSciExportFooter,
                        [this](const Context& context) { run_sci_export(context, sci_export_); });
        export_.add_option("NAME", sci_export_.name, "The profile")->type_name("")->required();
        add_output(export_, sci_export_.output);
        CLI::App& import =
            add_command(sci, "import", "Give the kernel a profile", kSciImportFooter,
                        [this](const Context& context) { run_sci_import(context, sci_import_); });
        import.add_option("FILE", sci_import_, "Text of one profile; '-': standard input")
            ->type_name("")
            ->required();
        add_sci_merge(sci);
        CLI::App& violations = add_command(
            sci, "violations", "Accesses that were refused, or would have been",
            kSciViolationsFooter,
            [this](const Context& context) { run_sci_violations(context, clear_violations_); });
        violations.add_flag("--clear", clear_violations_, "Empty the log instead of showing it");
    }

    void add_netns() {
        CLI::App& netns = add_command_group("netns", "Isolation of network namespaces");
        add_command(netns, "list", "Namespaces that were isolated", kNetnsListFooter,
                    run_netns_list);
        CLI::App& show = add_command(
            netns, "show", "What is private in a namespace, what is not, and who was refused",
            kNetnsShowFooter,
            [this](const Context& context) { run_netns_show(context, netns_show_); });
        show.add_option("NAME", netns_show_, "Its name, or its number")->type_name("")->required();
        CLI::App& isolate = add_command(
            netns, "isolate", "Make private what is sent in a namespace from now on",
            kNetnsIsolateFooter,
            [this](const Context& context) { run_netns_isolate(context, netns_isolate_); });
        isolate.add_option("NAME", netns_isolate_.name, "Its name (default: asictl's own)")
            ->type_name("");
        auto* off = isolate.add_flag("--off", netns_isolate_.off, "No more from now on");
        isolate.add_flag("--lock", netns_isolate_.lock, "For good")->excludes(off);
    }

    void add_xom() {
        add_command(app_, "xom", "Whether kernel text is execute-only, and who wanted to read it",
                    kXomFooter, run_xom);
    }

    void add_manifest() {
        CLI::App& manifest =
            add_command_group("manifest", "What a kernel's text and constants may be");
        CLI::App& build = add_command(
            manifest, "build", "Make a manifest of a kernel's build", kManifestBuildFooter,
            [this](const Context& context) { run_manifest_build(context, manifest_build_); });
        build.add_option("VMLINUX", manifest_build_.kernel, "The kernel, with its symbols")
            ->type_name("")
            ->required();
        build.add_option("-o,--output", manifest_build_.output, "Write it to FILE")
            ->type_name("FILE")
            ->required();
        build
            .add_option("--relocs", manifest_build_.relocations,
                        "The kernel's list of relocations "
                        "(default: arch/x86/boot/compressed/vmlinux.relocs beside VMLINUX)")
            ->type_name("FILE");
        CLI::App& check =
            add_command(manifest, "check", "Compare the memory of a machine with a manifest",
                        kManifestCheckFooter, [this](const Context& context) {
                            status_ = run_manifest_check(context, manifest_check_);
                        });
        check.add_option("MANIFEST", manifest_check_.manifest, "The manifest")
            ->type_name("")
            ->required();
        check.add_option("MEMORY", manifest_check_.memory, "A file that holds the memory")
            ->type_name("")
            ->required();
        check.add_option("--vmlinux", manifest_check_.kernel, "Name symbols of this kernel")
            ->type_name("FILE");
    }

    void add_sci_run(CLI::App& sci) {
        sci_run_ = &add_command(sci, "run", "Run COMMAND with its system calls isolated",
                                kSciRunFooter, [this](const Context&) {
                                    if (sci_run_calls_)
                                        sci_run_options_.calls = parse_call_set(*sci_run_calls_);
                                    run_sci_run(this_process(), sci_run_options_);
                                });
        add_value(*sci_run_, "--profile", "NAME", "Its profile (default: default)",
                  "a name of a profile", [this](const std::string& text) {
                      sci_run_options_.profile = text;
                      return is_profile_name(text);
                  });
        add_value(*sci_run_, "--mode", "MODE",
                  "learn, enforce (default), or log: refuse nothing, but say what",
                  "learn, enforce or log", [this](const std::string& text) {
                      sci_run_options_.mode = find_mode(text);
                      return sci_run_options_.mode != 0;
                  });
        sci_run_
            ->add_option("--syscalls", sci_run_calls_, "The system calls to isolate (default: all)")
            ->type_name("LIST");
        sci_run_->add_flag("--no-new-privs", sci_run_options_.no_new_privs,
                           "Set no_new_privs first, whoever asks");
    }

    void add_sci_merge(CLI::App& sci) {
        CLI::App& merge =
            add_command(sci, "merge", "Write the union of profiles as one", kSciMergeFooter,
                        [this](const Context& context) { run_sci_merge(context, sci_merge_); });
        merge.add_option("FILE", sci_merge_.files, "Texts of profiles; '-': standard input")
            ->type_name("")
            ->required();
        add_output(merge, sci_merge_.output);
        add_value(merge, "--name", "NAME", "Name of the result (default: that of the first)",
                  "a name of a profile", [this](const std::string& text) {
                      sci_merge_.name = text;
                      return is_profile_name(text);
                  });
    }

    static void add_output(CLI::App& app, std::optional<std::string>& file) {
        app.add_option("-o,--output", file, "Write to FILE (default: standard output)")
            ->type_name("FILE");
    }

    /// Cuts the command of sci run off: its options are not asictl's.
    void take_command(std::vector<std::string>& arguments) {
        const auto mark = std::find(arguments.begin(), arguments.end(), "--");
        if (mark == arguments.end() || !is_sci_run(arguments.begin(), mark)) return;
        sci_run_options_.command.assign(mark + 1, arguments.end());
        arguments.erase(mark, arguments.end());
    }

    using Argument = std::vector<std::string>::const_iterator;
    static bool is_sci_run(Argument begin, Argument end) {
        const auto sci = std::find(begin, end, "sci");
        return std::find(sci, end, "run") != end;
    }

    CLI::App app_;
    CLI::App* sci_run_ = nullptr;
    SciRunOptions sci_run_options_;
    std::optional<std::string> sci_run_calls_;
    SciShowOptions sci_show_;
    SciExportOptions sci_export_;
    std::string sci_import_;
    SciMergeOptions sci_merge_;
    bool clear_violations_ = false;
    std::string netns_show_;
    NetnsIsolateOptions netns_isolate_;
    ManifestBuildOptions manifest_build_;
    ManifestCheckOptions manifest_check_;
    GlobalOptions global_;
    MitigationsOptions mitigations_;
    FaultsOptions faults_;
    KvmTopOptions top_;
    bool built_in_ = false;
    bool dry_run_ = false;
    PolicyInput input_;
    std::function<void(const Context&)> command_;
    ExitCode status_ = ExitCode::kSuccess;
};

int fail(std::ostream& err, ExitCode code, const std::string& message) {
    err << "asictl: " << printable(message) << '\n';
    return static_cast<int>(code);
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out,
        std::ostream& err, OutputKind out_kind) {
    CommandLine command_line;
    try {
        command_line.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        out << command_line.help();
        return static_cast<int>(ExitCode::kSuccess);
    } catch (const CLI::ParseError& error) {
        const ExitCode code = command_line.status_of_failure(ExitCode::kUsage);
        // Options of the command were taken for ours.
        const bool lacks_dashes = code == ExitCode::kRunFailed &&
                                  dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
        return fail(err, code,
                    std::string(error.what()) +
                        (lacks_dashes ? " (the command comes after --)" : " (see asictl --help)"));
    }
    try {
        const ExitCode status = command_line.execute(in, out, out_kind);
        if (!out.flush()) throw Failure(ExitCode::kRuntime, "cannot write the output");
        return static_cast<int>(status);
    } catch (const Failure& failure) {
        return fail(err, command_line.status_of_failure(failure.code()), failure.what());
    }
}

}  // namespace asi::ctl
