"""Sets up .venv, or says in one sentence what is missing.

    python3 scripts/bootstrap.py site api

This file is read by whatever Python somebody has, 2.7 included, so that a Python that is too old answers with a
sentence and not with a SyntaxError. All that needs a newer one is in virtual_environment.py.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 # the very Pythons that ruff takes for outdated are answered here
    sys.exit(
        "Python 3.11 or newer is needed; this is "
        + sys.version.split()[0]
        + " ("
        + sys.executable
        + "). Install one and name it, for example: make serve PY=python3.12"
    )

if __name__ == "__main__":
    from virtual_environment import set_up

    set_up(sys.argv[1:])
