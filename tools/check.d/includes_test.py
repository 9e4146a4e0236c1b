#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Plants includes that run upward in a tree of its own and expects includes.py to say so."""
import os
import subprocess
import sys
import tempfile
import unittest

import includes

GOOD = {
    'asi/include/asi/types.h': '',
    'asi/include/asi/asi.h': '#include <linux/list.h>\n#include <asi/types.h>\n',
    'asi/text/text.h': '#include <cstddef>\n',
    'asi/engine/policy.h': '#include <asi/types.h>\n\n#include "../text/text.h"\n',
    'asi/x86/core/core.h': '#include <asi/asi.h>\n',
    'asi/x86/cpu/cpu.h': '#include "../core/core.h"\n',
    'asi/x86/boot.c': '#include "cpu/cpu.h"\n',
    'kvm-asi/include/asi/kvm.h': '#include <asi/asi.h>\n',
    'kvm-asi/kvm_asi.c': '#include <asi/kvm.h>\n#include "svm/svm.h"\n',
    'sci/include/asi/sci.h': '',
    'sci/profile.h': '#include <asi/types.h>\n',
    'sci/sci.c': '#include <asi/sci.h>\n#include "profile.h"\n',
}


class IncludesTest(unittest.TestCase):
    def check(self, changed):
        """What is said of the good tree with other text in the files `changed`."""
        with tempfile.TemporaryDirectory() as top:
            for path, text in {**GOOD, **changed}.items():
                os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
                with open(os.path.join(top, path), 'w', encoding='utf-8') as file:
                    file.write(text)
            return includes.check(top)[0]

    def expect(self, path, text, *findings):
        self.assertEqual(self.check({path: text}), list(findings))

    def test_a_tree_in_order_is_clean(self):
        self.assertEqual(self.check({}), [])

    def test_an_include_that_runs_upward_is_named_with_its_line(self):
        self.expect('asi/x86/core/core.h', '/* */\n# include  "../cpu/cpu.h"\n',
                    'asi/x86/core/core.h:2: includes asi/x86/cpu/cpu.h, which is above it '
                    '(level x86/core includes level x86/cpu)',
                    'folders include each other: asi/x86/cpu -> asi/x86/core -> asi/x86/cpu')
        self.expect('asi/text/text.h', '#include "../engine/policy.h"\n',
                    'asi/text/text.h:1: includes asi/engine/policy.h, which is above it '
                    '(level text includes level engine)',
                    'folders include each other: asi/engine -> asi/text -> asi/engine')
        self.expect('asi/include/asi/types.h', '#include "asi.h"\n',
                    'asi/include/asi/types.h:1: includes asi/include/asi/asi.h, which is above it '
                    '(level border includes level interface)')

    def test_consumers_know_neither_each_other_nor_the_insides_of_the_core(self):
        self.expect('sci/sci.c', '#include <asi/kvm.h>\n',
                    'sci/sci.c:1: includes kvm-asi/include/asi/kvm.h, which is not for it '
                    '(level sci includes level kvm-asi interface)')
        self.expect('kvm-asi/kvm_asi.c', '#include "../asi/x86/core/core.h"\n',
                    'kvm-asi/kvm_asi.c:1: includes asi/x86/core/core.h, which is not for it '
                    '(level kvm-asi includes level x86/core)')

    def test_tools_leave_the_core_alone(self):
        self.expect('tools/asictl/main.cc', '#include "asi/x86/core/core.h"\n',
                    'tools/asictl/main.cc:1: includes asi/x86/core/core.h, which is not for it '
                    '(level tools/asictl includes level x86/core)')

    def test_cxx_in_the_kernel_sees_no_header_of_the_kernel(self):
        self.expect('asi/engine/policy.h', '\n#include <linux/list.h>\n',
                    'asi/engine/policy.h:2: includes linux/list.h, a header of the kernel '
                    '(level engine has none)')

    def test_a_folder_that_only_a_makefile_names_hides_nothing(self):
        self.expect('sci/sci.c', '#include "core.h"\n',
                    'sci/sci.c:1: includes core.h, which is in another folder: name the folder')

    def test_a_file_without_a_level_is_named(self):
        self.expect('asi/new.h', '', 'asi/new.h:1: belongs to no level')

    def test_folders_of_one_level_make_no_circle(self):
        files = {'tools/vm/a/a.h': '#include "../b/b.h"\n', 'tools/vm/b/b.h': '#include "a/a.h"\n'}
        self.assertEqual(self.check(files),
                         ['folders include each other: '
                          'tools/vm/a -> tools/vm/b -> tools/vm/a'])

    def test_levels_name_only_levels_below(self):
        for at, level in enumerate(includes.LEVELS):
            below = {other.name for other in includes.LEVELS[:at]}
            self.assertLessEqual(set(level.may), below, level.name)

    def test_program_fails_for_a_finding_and_prints_the_levels(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'includes.py')
        with tempfile.TemporaryDirectory() as top:
            os.makedirs(os.path.join(top, 'asi'))
            with open(os.path.join(top, 'asi', 'new.h'), 'w', encoding='utf-8'):
                pass
            run = subprocess.run([program, top], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, 'asi/new.h:1: belongs to no level\n'))
        run = subprocess.run([program, '--levels'], capture_output=True, text=True, check=True)
        self.assertIn('``asi/x86/core/``', run.stdout)


if __name__ == '__main__':
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    unittest.main()
