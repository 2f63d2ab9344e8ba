"""The daily reports as a person reads them: on a terminal, or as a page."""
