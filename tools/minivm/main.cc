// SPDX-License-Identifier: GPL-2.0-only
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "attack.h"
#include "boot.h"
#include "churn.h"
#include "crowd.h"
#include "error.h"
#include "exits.h"
#include "guest_code.h"
#include "hold.h"
#include "layout.h"
#include "mkinitrd.h"
#include "options.h"
#include "snippet.h"
#include "stress.h"

namespace asi {
namespace {

constexpr uint64_t kMaxCount = 1'000'000'000'000;
constexpr double kMaxSeconds = 86400;

/// All subcommands; parsing one sets `chosen` to what it stands for.
class CommandLine {
  public:
    CommandLine() {
        app_.option_defaults()->always_capture_default();
        app_.require_subcommand(1);
        app_.get_formatter()->column_width(34);
        add_boot();
        add_exits();
        add_snippet();
        add_loop();
        add_churn();
        add_crowd();
        add_stress();
        add_hold();
        add_attack();
        add_mkinitrd();
    }

    ExitStatus run(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            if (error.get_exit_code() == 0) {
                app_.exit(error);
                return ExitStatus::kOk;
            }
            throw usage_error(error.what());
        }
        return chosen_();
    }

  private:
    static void add_smp(CLI::App* command, unsigned& smp) {
        command->add_option("--smp", smp, "number of vCPUs")->check(CLI::Range(1u, kMaxVcpus));
    }

    static void add_seconds(CLI::App* command, const char* name, double& seconds,
                            const char* help) {
        command->add_option(name, seconds, help)->check(CLI::Range(0.001, kMaxSeconds));
    }

    static void add_count(CLI::App* command, uint64_t& count, const char* help) {
        command->add_option("--count", count, help)->check(CLI::Range(uint64_t{1}, kMaxCount));
    }

    /// What lies behind the guest's memory: sets `backing`, a Backing or an optional one.
    template <typename T>
    static void add_backing(CLI::App* command, T& backing) {
        std::string names;
        for (const NamedBacking& known : kBackings)
            names += (names.empty() ? "" : ", ") + std::string(known.name);
        command
            ->add_option_function<std::string>(
                "--backing", [&backing](const std::string& name) { backing = find_backing(name); },
                "what lies behind guest memory: " + names)
            ->type_name("WORD");
    }

    static CLI::Option* add_operation(CLI::App* command, std::string& operation) {
        return command->add_option("--op", operation, "what the guest does")
            ->check(CLI::IsMember(operation_names()));
    }

    static void add_timer_ticks(CLI::App* command, uint64_t& ticks) {
        command->add_option("--ticks", ticks, "hlt_irq: timer ticks until the wake-up")
            ->check(CLI::Range(uint64_t{1}, uint64_t{UINT32_MAX}));
    }

    void add_boot() {
        CLI::App* command = app_.add_subcommand("boot", "boot a Linux bzImage");
        command->add_option("--kernel", boot_.kernel, "bzImage")->required();
        command->add_option("--initrd", boot_.initrd, "initramfs");
        command->add_option("--append", boot_.append, "kernel command line");
        add_smp(command, boot_.smp);
        command->add_option("--mem", memory_text_, "guest memory, 32M to 3G");
        add_backing(command, boot_.backing);
        add_seconds(command, "--timeout", boot_.timeout, "give up with status 124 after seconds");
        command->add_option("--until", boot_.until, "end with status 0 when this is printed");
        command->add_flag("--quiet", boot_.quiet, "do not show the console");
        auto* guard = command->add_flag("--guard", boot_.guard, "offer the guard to the guest");
        command->add_option("--manifest", boot_.manifest, "--guard: the table of its build")
            ->needs(guard);
        command->callback([this] {
            chosen_ = [this] {
                boot_.memory_size = parse_size(memory_text_);
                if (boot_.memory_size < kMinBootMemory || boot_.memory_size > kMaxBootMemory ||
                    boot_.memory_size % 4096 != 0)
                    throw usage_error("--mem: '" + memory_text_ +
                                      "' is not a number of pages between 32M and 3G");
                return run_boot(boot_);
            };
        });
    }

    void add_exits() {
        CLI::App* command = app_.add_subcommand("exits", "measure the cost of one exit");
        add_operation(command, exits_.operation)->required();
        add_count(command, exits_.count, "operations of each vCPU");
        add_smp(command, exits_.smp);
        add_timer_ticks(command, exits_.timer_ticks);
        add_seconds(command, "--timeout", exits_.timeout, "give up with status 124 after seconds");
        command->add_flag("--json", exits_.json, "print a JSON object");
        command->add_flag("--statistics", exits_.statistics,
                          "and what KVM counted of isolation for the first vCPU");
        command->callback([this] { chosen_ = [this] { return run_exits(exits_); }; });
    }

    void add_snippet() {
        CLI::App* command =
            app_.add_subcommand("snippet", "run raw code until hlt or out to port 0xf4");
        auto* hex = command->add_option("--hex", snippet_.hex, "the code in hexadecimal digits");
        command->add_option("--file", snippet_.file, "the file with the code")->excludes(hex);
        command->add_option("--mode", snippet_.mode, "real or long")
            ->transform(CLI::CheckedTransformer(std::map<std::string, CpuMode>{
                {"real", CpuMode::kReal}, {"long", CpuMode::kLong}}));
        add_seconds(command, "--timeout", snippet_.timeout,
                    "give up with status 124 after seconds");
        command->callback([this] {
            if (snippet_.hex.empty() && snippet_.file.empty())
                throw usage_error("snippet: --hex or --file is required");
            chosen_ = [this] { return run_snippet(snippet_); };
        });
    }

    void add_loop() {
        CLI::App* command =
            app_.add_subcommand("loop", "keep vCPUs exiting for a time or until SIGTERM");
        add_operation(command, loop_.operation);
        add_seconds(command, "--seconds", loop_.seconds, "how long");
        add_smp(command, loop_.smp);
        add_timer_ticks(command, loop_.timer_ticks);
        command->add_option("--slots", loop_.slots, "number of memory slots")
            ->check(CLI::Range(1u, 256u));
        add_backing(command, loop_.backing);
        add_seconds(command, "--replace", loop_.replace,
                    "put other pages with the same content under the guest every so many seconds");
        command->callback([this] { chosen_ = [this] { return run_loop(loop_); }; });
    }

    void add_churn() {
        CLI::App* command = app_.add_subcommand("churn", "create and destroy machines");
        add_count(command, churn_.count, "how many");
        add_smp(command, churn_.smp);
        command->add_flag("--kill", churn_.kill, "in child processes, killed at random moments");
        command->add_option("--window", churn_.kill_window_ms, "--kill: longest life in ms")
            ->check(CLI::Range(1u, 60000u));
        command->add_option("--seed", churn_.seed, "--kill: seed of the random moments");
        command->callback([this] { chosen_ = [this] { return run_churn(churn_); }; });
    }

    void add_crowd() {
        CLI::App* command =
            app_.add_subcommand("crowd", "many machines at once, killed and replaced");
        command->add_option("--guests", crowd_.guests, "how many")
            ->check(CLI::Range(1u, kMaxGuests));
        add_seconds(command, "--seconds", crowd_.seconds, "how long, once all of them run");
        command->add_option("--seed", crowd_.seed, "seed of all that is random");
        command->callback([this] { chosen_ = [this] { return run_crowd(crowd_); }; });
    }

    void add_stress() {
        CLI::App* command = app_.add_subcommand(
            "stress", "a machine whose guest checks all it sees, and what disturbs it");
        command->add_option("--with", stress_.with, "what happens to it, separated by commas")
            ->delimiter(',')
            ->check(CLI::IsMember(
                std::vector<std::string>(std::begin(kDisturbances), std::end(kDisturbances))));
        command->add_option("--smp", stress_.smp, "number of vCPUs, in the end with 'vcpus'")
            ->check(CLI::Range(1u, stress::kMaxVcpus));
        command->add_option("--slots", stress_.pieces, "number of memory slots")
            ->check(CLI::Range(1u, stress::kMaxPieces));
        add_backing(command, stress_.backing);
        add_seconds(command, "--seconds", stress_.seconds, "how long");
        add_seconds(command, "--round", stress_.round, "life of one machine");
        command->add_option("--seed", stress_.seed, "seed of all that is random");
        command->add_option("--spoil", stress_.spoil, "what goes wrong on purpose")
            ->check(CLI::IsMember(
                std::vector<std::string>(std::begin(kSpoilers), std::end(kSpoilers))));
        command->callback([this] { chosen_ = [this] { return run_stress(stress_); }; });
    }

    void add_hold() {
        app_.add_subcommand("hold", "keep machines that never run, so that KVM patches no code")
            ->callback([this] { chosen_ = run_hold; });
    }

    void add_attack() {
        CLI::App* command =
            app_.add_subcommand("attack", "attack a page and registers that a guest locked");
        command->add_option("--name", attack_.name, "the attack")
            ->required()
            ->check(CLI::IsMember(attack_names()));
        command->add_flag("!--unguarded", attack_.guarded, "without a guard");
        add_backing(command, attack_.backing);
        command->callback([this] { chosen_ = [this] { return run_attack(attack_); }; });
    }

    void add_mkinitrd() {
        CLI::App* command = app_.add_subcommand("mkinitrd", "write an initramfs for boot");
        command->add_option("--out", initrd_.out, "the archive")->required();
        command->add_option("--add", initrd_.add, "SRC[:DEST], a file to add; may be repeated");
        command->callback([this] { chosen_ = [this] { return run_mkinitrd(initrd_); }; });
    }

    CLI::App app_{"A small virtual machine monitor for KVM.", "minivm"};
    std::function<ExitStatus()> chosen_;
    std::string memory_text_ = "256M";
    BootOptions boot_;
    ExitsOptions exits_;
    SnippetOptions snippet_;
    LoopOptions loop_;
    ChurnOptions churn_;
    CrowdOptions crowd_;
    StressOptions stress_;
    AttackOptions attack_;
    InitrdOptions initrd_;
};

}  // namespace
}  // namespace asi

int main(int argc, char** argv) {
    try {
        const asi::ExitStatus status = asi::CommandLine().run(argc, argv);
        if (std::fflush(stdout) != 0) throw asi::system_error("writing to stdout", errno);
        return static_cast<int>(status);
    } catch (const asi::Error& error) {
        std::fflush(stdout);
        std::fprintf(stderr, "minivm: %s\n", error.what());
        return static_cast<int>(error.status());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "minivm: %s\n", error.what());
        return static_cast<int>(asi::ExitStatus::kGuestFailed);
    }
}
