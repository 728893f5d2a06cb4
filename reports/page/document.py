"""The one file that a page is: its head, its style and what stands in it."""

from pathlib import Path

CSS = Path(__file__).with_name("page.css")


def document(title: str, body: str) -> str:
    """A page of its own, offline and without scripts, of ready HTML.

    >>> "<title>Lacuna: a film</title>" in document("a film", "<p>1</p>")
    True
    """
    return _DOCUMENT.format(title=title, css=CSS.read_text(encoding="utf-8"), body=body)


_DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>Lacuna: {title}</title>
<link rel="icon" href="data:,">
<style>
{css}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
