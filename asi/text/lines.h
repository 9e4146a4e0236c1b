// SPDX-License-Identifier: GPL-2.0-only
// A text as lines, and a line as words with complaints about them.
#ifndef ASI_TEXT_LINES_H
#define ASI_TEXT_LINES_H

#include <optional>

#include "complaint.h"
#include "text.h"
#include "words.h"

namespace asi {

/// Cuts a text into lines.  '#' starts a comment, which a newline ends.
class Lines {
  public:
    enum class End : bool { kNewline, kNewlineOrSemicolon };

    explicit Lines(Text text, End end) : unread_(text), end_(end) {}

    /// Goes to the next line, at first to the first; false when there is none.  What
    /// follows the last end of a line is a line only if there is something.
    [[nodiscard]] bool next();

    [[nodiscard]] Text line() const { return line_; }  ///< without its comment
    [[nodiscard]] Text line_and_comment() const { return line_and_comment_; }
    [[nodiscard]] unsigned number() const { return number_; }  ///< from 1; 0 before next()

  private:
    [[nodiscard]] bool is_end(char c) const {
        return c == '\n' || (c == ';' && end_ == End::kNewlineOrSemicolon);
    }

    Text unread_;
    Text line_;
    Text line_and_comment_;
    unsigned number_ = 0;
    End end_;
};

/// The words of one line, left to right.
class LineWords {
  public:
    LineWords(Text line, unsigned number, const Report& report)
        : unread_(line), number_(number), report_(report) {}

    [[nodiscard]] Complaint complain() const { return {report_, number_}; }

    /// The next word; empty when the line ends here.
    Text next();
    /// The word that was read last; empty before the first.
    [[nodiscard]] Text previous() const { return previous_; }

    /// Reads the next word, which is a @what; false after a complaint when there is none.
    [[nodiscard]] bool require(const char* what, Text& word);
    /// True when the line ends here; false after a complaint.
    [[nodiscard]] bool nothing_more() const;

    /// Understands @word, a @what, as letters, each the name of a value below @count
    /// (at most 32).  The set of values, bit by bit; nothing after a complaint.
    [[nodiscard]] std::optional<unsigned> read_letters(const char* what, Text word, NameOf* name_of,
                                                       unsigned count) const;

  private:
    Text unread_;
    Text previous_;
    unsigned number_;
    Report report_;
};

}  // namespace asi

#endif  // ASI_TEXT_LINES_H
