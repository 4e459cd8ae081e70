"""`make serve HOST=…` names an address at which the blog can be opened, whatever it listens on."""

import subprocess

import pytest
from project_copy import ROOT, clean_environment


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123"),
        ("127.0.0.2", "http://127.0.0.2:8123"),
        ("blog.example.com", "http://blog.example.com:8123"),
        ("0.0.0.0", "http://127.0.0.1:8123"),
        ("::", "http://127.0.0.1:8123"),
        ("", "http://127.0.0.1:8123"),
        ("::1", "http://[::1]:8123"),
    ],
)
def test_the_address_is_one_that_a_browser_opens(host: str, address: str) -> None:
    """The site, its links and its comments are asked for where the server listens; IPv6 stands in brackets."""
    show = "show-address: ; @echo $(ADDRESS)"
    command = ["make", "--no-print-directory", f"--eval={show}", "show-address", f"HOST={host}", "PORT=8123"]
    shown = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True)
    assert shown.stdout == f"{address}\n"
