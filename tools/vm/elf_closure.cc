// SPDX-License-Identifier: GPL-2.0-only
#include "elf_closure.h"

#include <elf.h>

#include <cstring>
#include <sstream>

#include "child.h"
#include "text.h"

namespace asi {

namespace {

bool is_dynamic_elf(const std::string& contents) {
    Elf64_Ehdr header;
    if (contents.size() < sizeof(header)) return false;
    std::memcpy(&header, contents.data(), sizeof(header));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
    // ldd understands 32-bit programs too, but fails on static ones.
    if (header.e_ident[EI_CLASS] != ELFCLASS64) return true;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        const size_t at = header.e_phoff + i * sizeof(segment);
        if (at + sizeof(segment) > contents.size()) return false;
        std::memcpy(&segment, contents.data() + at, sizeof(segment));
        // A kernel module has no segments; a static-pie has PT_DYNAMIC but no PT_INTERP.
        if (segment.p_type == PT_INTERP) return true;
    }
    return header.e_type == ET_DYN && header.e_phnum > 0;
}

std::vector<std::string> libraries(const std::string& program) {
    std::vector<std::string> paths;
    std::istringstream lines(run_helper({"ldd", program}));
    for (std::string line; std::getline(lines, line);) {
        if (line.find("not found") != std::string::npos) throw RunError(program + " needs" + line);
        std::istringstream words(line);
        for (std::string word; words >> word;)
            if (word.starts_with('/') && word.back() != ':') paths.push_back(word);
    }
    return paths;
}

std::vector<std::string> interpreter(const std::string& contents) {
    std::istringstream words(contents.substr(2, contents.find('\n')));
    std::string path, argument;
    words >> path >> argument;
    std::vector<std::string> paths;
    if (path.starts_with('/')) paths.push_back(path);
    if (path.ends_with("/env") && !find_program(argument).empty())
        paths.push_back(find_program(argument));
    return paths;
}

}  // namespace

std::vector<std::string> needed_files(const std::string& program) {
    const std::string contents = read_file(program);
    if (contents.starts_with("#!")) return interpreter(contents);
    return is_dynamic_elf(contents) ? libraries(program) : std::vector<std::string>();
}

}  // namespace asi
