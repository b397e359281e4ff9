"""``python -m fs_app`` is ``fs-app``."""

from fs_app.cli import main

main()
