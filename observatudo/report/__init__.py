"""The state of the observatory on one page that can be published: gathered once, shown as HTML or Markdown."""
