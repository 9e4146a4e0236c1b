// SPDX-License-Identifier: GPL-2.0-only
// One sentence on what is wrong with a line of text.
#ifndef ASI_ENGINE_COMPLAINT_H
#define ASI_ENGINE_COMPLAINT_H

#include "text.h"
#include "words.h"

namespace asi {

/// Writes into the caller's @Error, { line, message }, if there is one.
template <typename Error>
class Complaint {
  public:
    Complaint(Error* error, unsigned line)
        : error_(error),
          line_(line),
          writer_(error ? error->message : nullptr, error ? sizeof(error->message) : 0) {}

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
    Complaint& quote(Text word) {
        constexpr std::size_t kLongest = 40;
        writer_.put('\'');
        for (std::size_t i = 0; i < word.size && i < kLongest; ++i)
            writer_.put(is_printable(word[i]) || word[i] == ' ' ? word[i] : '?');
        if (word.size > kLongest) writer_.put("...");
        writer_.put('\'');
        return *this;
    }
    /// Ends the sentence; always returns @result, to return it in turn.
    template <typename Result>
    Result is(Result result) {
        if (error_) error_->line = line_;
        writer_.finish();
        return result;
    }

  private:
    Error* error_;
    unsigned line_;
    Writer writer_;
};

}  // namespace asi

#endif  // ASI_ENGINE_COMPLAINT_H
