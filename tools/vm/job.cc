// SPDX-License-Identifier: GPL-2.0-only
#include "job.h"

#include "text.h"

namespace asi {

namespace {

// NUL ends a record, because it is the one byte no argument or path can hold.
void put(std::string& text, std::string_view key, std::string_view value) {
    text.append(key).append("=").append(value).push_back('\0');
}

}  // namespace

std::string Job::encode() const {
    std::string text;
    for (const std::string& argument : command) put(text, "arg", argument);
    for (const std::string& variable : environment) put(text, "env", variable);
    put(text, "cwd", working_directory);
    put(text, "out", out_directory);
    put(text, "out_is_mounted", out_is_mounted ? "1" : "0");
    put(text, "start_processors", start_processors ? "1" : "0");
    for (const auto& [source, target] : binds) {
        put(text, "bind", source);
        put(text, "to", target);
    }
    return text;
}

Job Job::decode(std::string_view text) {
    Job job;
    for (const std::string& record : split(text, '\0')) {
        const size_t equals = record.find('=');
        if (equals == std::string::npos) throw RunError("job file: record without a key");
        const std::string key = record.substr(0, equals);
        std::string value = record.substr(equals + 1);
        if (key == "arg") {
            job.command.push_back(std::move(value));
        } else if (key == "env") {
            job.environment.push_back(std::move(value));
        } else if (key == "cwd") {
            job.working_directory = std::move(value);
        } else if (key == "out") {
            job.out_directory = std::move(value);
        } else if (key == "out_is_mounted") {
            job.out_is_mounted = value == "1";
        } else if (key == "start_processors") {
            job.start_processors = value == "1";
        } else if (key == "bind") {
            job.binds.emplace_back(std::move(value), "");
        } else if (key == "to" && !job.binds.empty()) {
            job.binds.back().second = std::move(value);
        } else {
            throw RunError("job file: unknown record " + key);
        }
    }
    if (job.command.empty()) throw RunError("job file: no command");
    return job;
}

}  // namespace asi
