# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx: `make check` builds these pages, and fails when it warns."""

project = "Address-space isolation"
copyright = "the authors; GPL-2.0-only"
master_doc = "index"
highlight_language = "none"
html_theme = "classic"
html_copy_source = False
# Each title is a target, so that one name works from everywhere: :ref:`security:Known defects`.
extensions = ["sphinx.ext.autosectionlabel"]
autosectionlabel_prefix_document = True
