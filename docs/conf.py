"""Settings of the documentation site (Sphinx, MyST, Furo); `make docs` builds it once for each language."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

project = "Sinetti"
extensions = ["myst_parser", "extension"]
exclude_patterns = ["locale", "output", "man"]  # data of the site: no pages

language = "en"  # the build gives the others: -D language=fi
locale_dirs = [str(Path(__file__).resolve().parent / "locale")]
gettext_compact = False  # one catalogue for each page
gettext_uuid = False
gettext_location = False
gettext_allow_fuzzy_translations = False

nitpicky = True
highlight_language = "none"  # blocks without a language are commands and output
myst_heading_anchors = 4
myst_links_external_new_tab = False
smartquotes = False  # quotation marks are written as each language has them

html_theme = "furo"
html_title = "Sinetti"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
