# SPDX-License-Identifier: GPL-2.0-only
#
# C++ objects inside vmlinux.  Included by a directory's Kbuild file, which
# lists them in cxx-objs and gets one pre-linked object, $(cxx-target).
#
# The kernel's headers are not valid C++, so these files see none of them:
# the C flags are kept for code generation only.  Pre-linking resolves the
# COMDAT groups of templates and inline members, which the kernel's linker
# script would report as orphans.

CXX_KERNEL := $(patsubst %gcc,%g++,$(CC))

cxx-drop := -std=gnu11 -Werror=strict-prototypes -Werror=implicit-int \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	-Werror=designated-init -Wmissing-prototypes -Wmissing-declarations \
	-Wno-pointer-sign -Wno-override-init -Wold-style-definition \
	-Wold-style-declaration -Wstrict-prototypes -Wno-declaration-after-statement \
	-Wdeclaration-after-statement -Wenum-conversion -Wno-int-to-pointer-cast \
	-Wno-pointer-to-int-cast -Wno-missing-prototypes -Wno-missing-declarations

cxx-flags = $(filter-out $(cxx-drop),$(KBUILD_CFLAGS)) -std=gnu++20 \
	-ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics \
	-fno-use-cxa-atexit -fno-pie -I$(srctree)/asi/include -I$(srctree)/sci/include

quiet_cmd_cxx_o_cc = CXX     $@
      cmd_cxx_o_cc = $(CXX_KERNEL) -Wp,-MMD,$(depfile) $(cxx-flags) \
		$(if $(filter y,$(CONFIG_KASAN)),$(CFLAGS_KASAN)) -c -o $@ $<

$(obj)/%.o: $(src)/%.cc FORCE
	$(call if_changed_dep,cxx_o_cc)

quiet_cmd_cxx_group = LD [C++] $@
      cmd_cxx_group = $(LD) -m elf_x86_64 -z noexecstack -r --force-group-allocation \
		-T $(srctree)/asi/cxx.lds -o $@ $(real-prereqs) $(cmd_objtool)

$(obj)/$(cxx-target): $(addprefix $(obj)/,$(cxx-objs)) FORCE
	$(call if_changed,cxx_group)

targets += $(cxx-objs) $(cxx-target)
