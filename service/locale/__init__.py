"""The reader's language: catalogues of gettext, and reasons said once more in another language."""
