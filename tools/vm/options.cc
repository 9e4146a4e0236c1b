// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>

namespace asi {

namespace {

namespace fs = std::filesystem;

constexpr char kUsage[] =
    "usage: tools/vm/run [OPTION ...] -- COMMAND [ARG ...]\n"
    "\n"
    "Boots a kernel with the host's root file system, read-only, runs COMMAND in it\n"
    "as root, passes its output through and returns its status.\n"
    "\n"
    "Options:\n"
    "  --accel=auto|kvm|tcg|bochs  what runs the guest (default auto: KVM where a probe\n"
    "                        guest really runs, else QEMU's translator, TCG)\n"
    "  --kernel=PATH         a bzImage, or a folder with arch/x86/boot/bzImage or bzImage\n"
    "                        (default: base in the build folder)\n"
    "  --smp=N               processors (default 2; 1 with --icount; Bochs has only 1)\n"
    "  --mem=SIZE            memory, in MiB or with K, M, G (default 2G; Bochs 512M)\n"
    "  --cpu=MODEL           the emulator's processor model (defaults: KVM host,\n"
    "                        TCG max,la57=off, Bochs tigerlake)\n"
    "  --icount              TCG: one instruction is one nanosecond, so that timings in\n"
    "                        the guest are instruction counts and repeat\n"
    "  --tcg-thread=multi|single  TCG: a host thread for each processor (default), or one\n"
    "                        for all. Before QEMU 8.1 a processor may run code that\n"
    "                        another one has just patched; with one thread it cannot\n"
    "  --append='PARAM ...'  more kernel parameters; later ones win over ours. May repeat\n"
    "  --timeout=SECONDS     host time limit for the whole run (default 600; 0: none)\n"
    "  --env=NAME=VALUE      a variable for COMMAND. May repeat\n"
    "  --out=DIR             a host folder, made if missing, that COMMAND may write to at\n"
    "                        the same path (Bochs: empty at first, copied back when\n"
    "                        COMMAND ends)\n"
    "  --add=FILE[:DEST]     make a host file appear at its own path, or at DEST. May repeat\n"
    "  --log=FILE            keep the kernel's console there, whatever happens\n"
    "  --verbose             show the console on standard error as it comes\n"
    "  --qemu-arg=ARG        one more argument for QEMU. May repeat\n"
    "  --help                this text\n"
    "\n"
    "Exit status:\n"
    "  that of COMMAND; 128 + signal when a signal killed it; 127 when it was not found;\n"
    "  126 when it could not be started\n"
    "  2    the command line is wrong (one line on standard error says how)\n"
    "  255  the guest never answered: panic, oops, triple fault, time limit, or the\n"
    "       emulator failed. The console's end is shown on standard error and the whole\n"
    "       of it is kept: the path is printed. A panic after COMMAND ended counts too.\n"
    "  128 + signal when this program was interrupted\n"
    "\n"
    "In the guest: standard input is empty, standard output and error are pipes, apart\n"
    "from each other and from the kernel's console. The working folder is the caller's.\n"
    "Of the environment there are PATH, HOME=/root, TERM and what --env gives. /tmp,\n"
    "/var/tmp, /run and /dev/shm are empty and writable, except that the working folder,\n"
    "COMMAND and every ARG and value of --env that is the absolute path of an existing file\n"
    "or folder appear there, read-only, if that is where they are. Everything is gone with\n"
    "the guest; use --out or standard output for results. proc, sysfs, devtmpfs, cgroup2\n"
    "(/sys/fs/cgroup), debugfs and tracefs are mounted and the loopback interface is up.\n"
    "Processes that COMMAND leaves behind are killed when it ends.\n"
    "\n"
    "Kernel parameters given by default: oops=panic and panic=-1 (an oops ends the run;\n"
    "--append=panic_on_oops=0 takes that back), console=ttyS0, earlyprintk and, under TCG,\n"
    "tsc=reliable and, without --icount, tsc_early_khz=. What a kernel must have built in:\n"
    "9p over virtio and a virtio console (CONFIG_NET_9P_VIRTIO, CONFIG_9P_FS,\n"
    "CONFIG_VIRTIO_PCI, CONFIG_VIRTIO_CONSOLE) or, for Bochs, an initramfs and 8250 serial\n"
    "ports, all built in.\n"
    "\n"
    "Bochs (packages bochs, bochsbios, vgabios, isolinux, syslinux-common, xorriso) has\n"
    "Intel virtualization with EPT and models global pages, but sees no host files:\n"
    "the guest holds COMMAND, each --add file, the libraries and interpreters they need\n"
    "by ldd and #!, and busybox (package busybox-static) under every name it answers to.\n"
    "COMMAND's output crosses a serial line there: keep it short.\n";

Acceleration acceleration_named(const std::string& name) {
    static const std::map<std::string, Acceleration> names = {{"auto", Acceleration::kAuto},
                                                              {"kvm", Acceleration::kKvm},
                                                              {"tcg", Acceleration::kTcg},
                                                              {"bochs", Acceleration::kBochs}};
    const auto found = names.find(name);
    if (found == names.end())
        throw UsageError("--accel: '" + name + "' is none of auto, kvm, tcg, bochs");
    return found->second;
}

unsigned parse_number(const std::string& option, const std::string& text, unsigned least) {
    constexpr unsigned long kMost = 1000000000;
    const bool is_digits = !text.empty() && text.size() < 10 &&
                           text.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long value = is_digits ? std::stoul(text) : kMost;
    if (!is_digits || value < least)
        throw UsageError(option + ": '" + text + "' is not a whole number from " +
                         std::to_string(least) + " up");
    return value;
}

unsigned parse_memory(const std::string& text) {
    constexpr unsigned kLeastMib = 32;
    std::string digits = text;
    unsigned long unit_kib = 1024;
    if (!digits.empty()) {
        const size_t unit = std::string("kKmMgG").find(digits.back());
        if (unit != std::string::npos) {
            unit_kib = 1ul << (10 * (unit / 2));
            digits.pop_back();
        }
    }
    if (digits.empty() || digits.size() > 9 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
        throw UsageError("--mem: '" + text + "' is not a number with K, M, G or nothing after it");
    const unsigned long mib = std::stoul(digits) * unit_kib / 1024;
    if (mib < kLeastMib)
        throw UsageError("--mem: '" + text + "' is less than " + std::to_string(kLeastMib) +
                         "M, too little to boot");
    return mib;
}

std::string find_kernel(const std::string& given, const std::string& build) {
    const std::string path = given.empty() ? build + "/base" : given;
    for (const char* inside : {"/arch/x86/boot/bzImage", "/bzImage"})
        if (fs::is_regular_file(path + inside)) return fs::absolute(path + inside);
    if (fs::is_regular_file(path)) return fs::absolute(path);
    const std::string hint =
        given.empty() ? " (the default): build a kernel first or name one with --kernel" : "";
    if (fs::is_directory(path)) throw UsageError("--kernel: no bzImage in '" + path + "'" + hint);
    throw UsageError("--kernel: there is no '" + path + "'" + hint);
}

AddedFile parse_added(const std::string& text) {
    // A file whose own name holds a colon is taken whole.
    AddedFile file{text, text};
    const size_t colon = text.rfind(':');
    if (colon != std::string::npos && !fs::exists(text))
        file = {text.substr(0, colon), text.substr(colon + 1)};
    if (!fs::is_regular_file(file.source))
        throw UsageError("--add: '" + file.source + "' is not a file");
    if (file.target.empty()) throw UsageError("--add: nothing after the colon in '" + text + "'");
    return {fs::absolute(file.source).lexically_normal(),
            fs::absolute(file.target).lexically_normal()};
}

std::string make_out_directory(const std::string& path) {
    if (path.empty()) throw UsageError("--out: the folder's name is empty");
    std::error_code error;
    fs::create_directories(path, error);
    if (!fs::is_directory(path))
        throw UsageError("--out: '" + path + "' cannot be made: " + error.message());
    return fs::canonical(path);
}

void check_environment(const std::vector<std::string>& environment) {
    for (const std::string& assignment : environment)
        if (assignment.find('=') == std::string::npos || assignment.front() == '=')
            throw UsageError("--env: '" + assignment + "' is not NAME=VALUE");
}

bool is_single_thread(const std::string& name) {
    if (name != "multi" && name != "single")
        throw UsageError("--tcg-thread: '" + name + "' is neither multi nor single");
    return name == "single";
}

void check_combinations(const Options& options) {
    if (options.icount && options.acceleration == Acceleration::kKvm)
        throw UsageError("--icount: only with --accel=tcg; KVM does not count instructions");
    if (options.icount && options.acceleration == Acceleration::kBochs)
        throw UsageError("--icount: only with --accel=tcg; Bochs always counts instructions");
    if (options.tcg_single && options.acceleration == Acceleration::kKvm)
        throw UsageError("--tcg-thread: only with --accel=tcg");
    if (options.tcg_single && options.acceleration == Acceleration::kBochs)
        throw UsageError("--tcg-thread: only with --accel=tcg; Debian's Bochs has one processor");
    if (options.acceleration == Acceleration::kBochs && options.processors > 1)
        throw UsageError("--smp: Debian's Bochs has one processor");
    if (options.acceleration == Acceleration::kBochs && !options.qemu_arguments.empty())
        throw UsageError("--qemu-arg: not with --accel=bochs");
    if (options.append.find('\n') != std::string::npos)
        throw UsageError("--append: a kernel parameter cannot hold a line break");
    if (options.command.empty()) throw UsageError("COMMAND is missing after --");
    if (options.command.front().empty()) throw UsageError("COMMAND is empty");
}

/// A CLI11 message may be several lines; a usage error is one.
std::string one_line(std::string text) {
    const size_t end = text.find_last_not_of("\n ");
    text.erase(end == std::string::npos ? 0 : end + 1);
    for (char& character : text)
        if (character == '\n') character = ' ';
    return text;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, const std::string& build) {
    // What follows the first -- is COMMAND's, byte for byte: the parser never sees it.
    int separator = 1;
    while (separator < argc && std::string(argv[separator]) != "--") separator++;

    Options options;
    std::string acceleration = "auto", tcg_thread = "multi", processors, memory, timeout;
    std::optional<std::string> kernel, out;
    std::vector<std::string> appended, added;

    CLI::App app;
    app.set_help_flag();
    bool help = false;
    app.add_flag("-h,--help", help);
    app.add_option("--accel", acceleration)->take_last();
    app.add_option("--kernel", kernel)->take_last();
    app.add_option("--smp", processors)->take_last();
    app.add_option("--mem", memory)->take_last();
    app.add_option("--cpu", options.cpu)->take_last();
    app.add_flag("--icount", options.icount);
    app.add_option("--tcg-thread", tcg_thread)->take_last();
    app.add_flag("--verbose", options.verbose);
    app.add_option("--timeout", timeout)->take_last();
    app.add_option("--log", options.log)->take_last();
    app.add_option("--out", out)->take_last();
    for (const auto& [name, list] : {std::pair("--append", &appended), std::pair("--add", &added),
                                     std::pair("--env", &options.environment),
                                     std::pair("--qemu-arg", &options.qemu_arguments)})
        app.add_option(name, *list)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    try {
        app.parse(separator, argv);
    } catch (const CLI::ParseError& error) {
        throw UsageError(one_line(error.what()) +
                         (separator == argc ? "; there is no -- before COMMAND" : ""));
    }
    if (help) {
        std::cout << kUsage;
        return std::nullopt;
    }
    if (separator == argc) throw UsageError("no -- before COMMAND");

    options.command.assign(argv + separator + 1, argv + argc);
    options.acceleration = acceleration_named(acceleration);
    options.tcg_single = is_single_thread(tcg_thread);
    if (!processors.empty()) options.processors = parse_number("--smp", processors, 1);
    if (!timeout.empty()) options.timeout_seconds = parse_number("--timeout", timeout, 0);
    if (!memory.empty()) options.memory_mib = parse_memory(memory);
    for (const std::string& parameters : appended)
        options.append += (options.append.empty() ? "" : " ") + parameters;
    for (const std::string& file : added) options.added.push_back(parse_added(file));
    check_environment(options.environment);
    check_combinations(options);
    if (kernel && kernel->empty()) throw UsageError("--kernel: the path is empty");
    options.kernel = find_kernel(kernel.value_or(""), build);
    if (out) options.out_directory = make_out_directory(*out);
    if (!options.log.empty()) options.log = fs::absolute(options.log);
    return options;
}

}  // namespace asi
