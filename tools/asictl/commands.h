// SPDX-License-Identifier: GPL-2.0-only
//
// The subcommands.  Each writes its result to Context::out and throws Failure
// when there is none.  Where a result is bad news, the status is returned.
#ifndef ASICTL_COMMANDS_H
#define ASICTL_COMMANDS_H

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli.h"
#include "failure.h"
#include "kernel_files.h"
#include "netns_names.h"
#include "process.h"
#include "syscalls.h"

namespace asi::ctl {

struct Context {
    KernelFiles kernel;
    NetnsNames netns;
    bool json;
    std::istream& in;
    std::ostream& out;
    OutputKind out_kind;
};

void run_status(const Context& context);
void run_domains(const Context& context);
void run_stats(const Context& context);
void run_kvm_report(const Context& context);

struct KvmTopOptions {
    double interval_seconds = 1;
    Number iterations;  ///< absent: without end on a terminal, else 1
};
void run_kvm_top(const Context& context, const KvmTopOptions& options);

struct MitigationsOptions {
    std::vector<std::string> bugs;  ///< names of files, shown in detail; empty: all, briefly
    bool known = false;             ///< what is known of every machine, without asking the kernel
};
void run_mitigations(const Context& context, const MitigationsOptions& options);

struct FaultsOptions {
    std::optional<std::string> class_name;  ///< show only this class
    bool clear = false;                     ///< empty the log, show nothing
};
void run_faults(const Context& context, const FaultsOptions& options);

[[nodiscard]] ExitCode run_verify(const Context& context);

void run_policy_show(const Context& context, bool built_in);

struct PolicyInput {
    std::vector<std::string> words;  ///< rules on the command line; "-": standard input
    std::optional<std::string> file;
};
void run_policy_check(const Context& context, const PolicyInput& input);
void run_policy_set(const Context& context, const PolicyInput& input);

struct SciRunOptions {
    std::string profile = "default";
    unsigned mode = SCI_MODE_ENFORCE;
    CallSet calls = CallSet().set();
    bool no_new_privs = false;
    std::vector<std::string> command;
};
/// Returns only by throwing, where @process is the real one.
void run_sci_run(Process& process, const SciRunOptions& options);

void run_sci_profiles(const Context& context);

struct SciShowOptions {
    std::optional<std::string> name;  ///< absent: all
};
void run_sci_show(const Context& context, const SciShowOptions& options);

struct SciExportOptions {
    std::string name;
    std::optional<std::string> output;  ///< absent: to the output
};
void run_sci_export(const Context& context, const SciExportOptions& options);

void run_sci_import(const Context& context, const std::string& file);

struct SciMergeOptions {
    std::vector<std::string> files;     ///< at least one
    std::optional<std::string> output;  ///< absent: to the output
    std::optional<std::string> name;    ///< absent: that of the first file
};
void run_sci_merge(const Context& context, const SciMergeOptions& options);

void run_sci_violations(const Context& context, bool clear);

void run_netns_list(const Context& context);
void run_netns_show(const Context& context, const std::string& name);

struct NetnsIsolateOptions {
    std::optional<std::string> name;  ///< absent: the one asictl runs in
    bool off = false;                 ///< what is sent from now on is ordinary again
    bool lock = false;                ///< for good
};
void run_netns_isolate(const Context& context, const NetnsIsolateOptions& options);

void run_xom(const Context& context);

struct ManifestBuildOptions {
    std::string kernel;
    std::string output;
    std::optional<std::string> relocations;  ///< absent: where the kernel's build puts them
};
void run_manifest_build(const Context& context, const ManifestBuildOptions& options);

struct ManifestCheckOptions {
    std::string manifest;
    std::string memory;
    std::optional<std::string> kernel;  ///< absent: no symbols are named
};
[[nodiscard]] ExitCode run_manifest_check(const Context& context,
                                          const ManifestCheckOptions& options);

}  // namespace asi::ctl

#endif  // ASICTL_COMMANDS_H
