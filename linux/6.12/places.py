# SPDX-License-Identifier: GPL-2.0-only
"""Places in the kernel's source: functions and the like, and statements in them."""

import functools
import re

COMMENT = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
                     re.S | re.X)


def blank(match):
    """A comment as blanks of the same length; strings stay."""
    if not match[0].startswith("/"):
        return match[0]
    return "\n".join(" " * len(line) for line in match[0].split("\n"))


class Source:
    """A file of the kernel: its text, and the same without comments."""

    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.code = text
        if name.endswith((".c", ".h", ".S")):
            self.code = COMMENT.sub(blank, text)
        self.code = self.code.replace("\\\n", " \n")

    def line_start(self, at):
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at):
        """Behind the line that holds the character before @at."""
        end = self.text.find("\n", at - 1)
        return len(self.text) if end < 0 else end + 1

    def scopes(self, scope):
        """Where what @scope names begins and ends: its body, braces included."""
        if not scope:
            return [(0, len(self.text))]
        if scope.startswith("#define "):
            begins = [m.start() for m in
                      re.finditer(rf"^#\s*define\s+{re.escape(scope[8:])}\b", self.code, re.M)]
            return [(begin, self.macro_end(begin)) for begin in begins]
        if scope.startswith("SYM_FUNC_START"):
            return self.between(tokens(scope), r"^SYM_FUNC_END\b")
        if scope.endswith("()"):
            return self.functions(scope[:-2], rf"\b{re.escape(scope[:-2])}\s*\(")
        if scope.endswith(")"):
            return self.functions(scope.partition("(")[0], tokens(scope[:-1]))
        return self.between(rf"^[^\n;{{}}]*{tokens(scope)}[^\n;]*\{{[ \t]*$", r"^\}")

    def macro_end(self, begin):
        end = self.line_end(begin + 1)
        while self.text[:end].endswith("\\\n"):
            end = self.line_end(end + 1)
        return end

    def between(self, begin, end):
        found = []
        for match in re.finditer(begin, self.code, re.M):
            tail = re.compile(end, re.M).search(self.code, match.end())
            if tail:
                found.append((match.start(), tail.end()))
        return found

    @functools.cached_property
    def headings(self):
        """(heading, body) of every function.  The kernel's style helps: a body is between
        braces in the first column, a heading follows a blank line, a directive, or the
        end of something else."""
        found, body = [], self.code.find("\n{")
        while body >= 0:
            head, at = "", body + 1
            while at:
                begin = self.code.rfind("\n", 0, at - 1) + 1
                line = self.code[begin:at].rstrip()
                if not line or line.startswith("#") or line.endswith((";", "}")):
                    break
                head, at = line + "\n" + head, begin
            found.append((head, body + 1))
            body = self.code.find("\n{", body + 1)
        return found

    def functions(self, word, pattern):
        """Bodies of functions whose heading has @word and matches @pattern."""
        found, pattern = [], re.compile(pattern)
        for head, body in self.headings:
            end = self.code.find("\n}", body) + 2
            if word in head and pattern.search(head) and end > body:
                found.append((body, end))
        return found

    def statements(self, at):
        """Statements of the body that begins at @at, as (text, begin, end)."""
        while True:
            match = re.compile(r"\s*(#[^\n]*(?:\\\n[^\n]*)*\n)?").match(self.code, at)
            while match[1]:
                at = match.end()
                match = re.compile(r"\s*(#[^\n]*\n)?").match(self.code, at)
            begin = at = match.end()
            depth = 0
            while at < len(self.code):
                char = self.code[at]
                if char in "([{":
                    depth += 1
                elif char in ")]}":
                    depth -= 1
                    if depth < 0:
                        return
                elif char == ";" and not depth:
                    break
                at += 1
            at += 1
            yield self.code[begin:at], begin, at

    def declarations_end(self, body):
        """Where the first line after a function's declarations begins."""
        at = self.line_end(body + 1)
        for text, _, end in self.statements(body + 1):
            if not is_declaration(text):
                break
            at = self.line_end(end)
        # A declaration that is conditional ends with its #endif.
        endif = re.compile(r"#\s*endif\b[^\n]*\n").match(self.code, at)
        return endif.end() if endif else at

    def include_place(self):
        """Behind the last <header> that is included whatever the configuration."""
        depth, place, at = 0, None, 0
        guard = re.search(r"^#\s*ifndef\s+(\w+)\s*\n#\s*define\s+\1\b", self.code, re.M)
        for line in self.code.splitlines(keepends=True):
            begin, at = at, at + len(line)
            if re.match(r"#\s*if", line):
                depth += not (guard and begin == guard.start())
            elif re.match(r"#\s*endif", line):
                depth -= 1
            elif re.match(r"#\s*include\s*<", line) and not depth:
                place = at
            elif line.startswith("{") or re.match(r"#\s*define\s+CREATE_TRACE_POINTS", line):
                if place:
                    break
        return place


def tokens(text):
    """A pattern that finds @text however it is broken into lines and blanks."""
    parts = re.findall(r'"(?:\\.|[^"\\])*"|\w+|\S', text)
    pattern = ""
    for before, part in zip([""] + parts, parts):
        if before:
            pattern += r"\s+" if before[-1:].isalnum() and part[:1].isalnum() else r"\s*"
        pattern += re.escape(part)
    if re.match(r"\w", parts[0]):
        pattern = r"(?<!\w)" + pattern
    if re.search(r"\w$", parts[-1]):
        pattern += r"(?!\w)"
    return pattern


NO_TYPE = {"return", "goto", "else", "case", "default", "do", "if", "for", "while", "switch",
           "break", "continue", "asm", "sizeof"}
DECLARER = re.compile(r"(DEFINE|DECLARE)_\w+\s*\(|(LIST_HEAD|VMA_ITERATOR|XA_STATE_ORDER)\s*\("
                      r"|\w+\s*\(\s*\*\s*\w+\s*\)\s*\(")


def is_declaration(text):
    """Two words next to each other, or a word, stars and a word; or a macro that declares."""
    if DECLARER.match(text):
        return True
    match = re.match(r"(\w+)(?:\s+[*\s]*|\s*\*[*\s]*)(\w+)", text)
    return bool(match) and match[1] not in NO_TYPE
