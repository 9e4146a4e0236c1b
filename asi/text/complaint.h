// SPDX-License-Identifier: GPL-2.0-only
// One sentence on what is wrong with a line of text.
#ifndef ASI_TEXT_COMPLAINT_H
#define ASI_TEXT_COMPLAINT_H

#include "text.h"
#include "words.h"
#include "writer.h"

namespace asi {

/// Where a complaint goes: the line number and the message of the caller's error
/// structure, or nowhere when the caller gave none.
class Report {
  public:
    /// @Error: {line, message}, the message an array of characters.  @error may be null.
    template <typename Error>
    explicit Report(Error* error)
        : line_(error ? &error->line : nullptr),
          message_(error ? error->message : nullptr),
          capacity_(error ? sizeof(error->message) : 0) {}

    /// No complaint.
    void clear() const {
        set_line(0);
        if (message_) message_[0] = '\0';
    }

  private:
    friend class Complaint;

    void set_line(unsigned line) const {
        if (line_) *line_ = line;
    }

    unsigned* line_;
    char* message_;
    std::size_t capacity_;
};

/// A sentence in the making: complain.say("unknown kind ").quote(word).is(-kEinval).
class Complaint {
  public:
    Complaint(const Report& report, unsigned line)
        : report_(report), line_(line), writer_(report.message_, report.capacity_) {}

    Complaint& say(const char* words) {
        writer_.put(words);
        return *this;
    }
    Complaint& number(unsigned n) {
        writer_.put_number(n);
        return *this;
    }
    Complaint& hex(unsigned n) {
        writer_.put_hex(n);
        return *this;
    }
    /// What the user wrote, shortened, and safe to print on a terminal.
    Complaint& quote(Text word);
    /// " (use A, B, C)" with the names of the values below @count.
    Complaint& say_choices(NameOf* name_of, unsigned count);

    /// Ends the sentence; always returns @result, to return it in turn.
    template <typename Result>
    Result is(Result result) {
        report_.set_line(line_);
        writer_.finish();
        return result;
    }

  private:
    Report report_;
    unsigned line_;
    Writer writer_;
};

}  // namespace asi

#endif  // ASI_TEXT_COMPLAINT_H
