"""How the documentation site is built: `make docs` reads this. Strict: a warning, such as a broken link, fails."""

import sys
from pathlib import Path

import headgate

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "headgate"
author = "The headgate maintainers"
version = release = headgate.__version__
html_title = f"headgate {release}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "command_reference",
    "repository_links",
]
exclude_patterns = ["_extensions", "_static"]
# A page is written for readers of the repository too: plain Markdown, with links to files as they lie there.
myst_heading_anchors = 3
myst_links_external_new_tab = False
myst_enable_extensions = ["deflist"]

# Docstrings name things in single backticks, as numpydoc does; what is not documented here is shown as code.
default_role = "py:obj"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
python_maximum_signature_line_length = 100
napoleon_google_docstring = False
napoleon_use_rtype = False
smartquotes_action = "D"  # of a field's " -- " a dash; quotation marks stay as they were written
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["headgate.css"]
html_js_files = ["headgate.js"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = True
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
# Only what is typed after the prompt is copied.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
highlight_language = "text"  # of a block that names none
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
