"""`python -m tests.security` writes docs/reference/security-tests.md."""

from tests.security.page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
