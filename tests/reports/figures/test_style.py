"""What is written of a figure."""

from reports.figures import style

DRAWING = b'<clipPath id="%s"><path d="M %s 2.0 L 3.14159 0"/></clipPath><g clip-path="url(#%s)"/>'


def test_what_the_solver_of_layouts_leaves_open_changes_no_byte() -> None:
    one, other = (
        style._short(DRAWING % (name, place, name))
        for name, place in ((b"p0123456789", b"17.2"), (b"pabcdef0123", b"17.1999999999999"))
    )
    assert one == other
    assert b'd="M 17.2 2 L 3.14 0"' in one
