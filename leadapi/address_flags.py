"""What is worth knowing of an address before somebody calls: it is thrown away tomorrow, or nobody's own.

Such an address is flagged for the owner and never refused: its lead may be as good as any.
"""

from functools import cache

ROLES = frozenset(
    """
    abuse accounting accounts admin administrator billing careers contact customerservice datenschutz enquiries
    finance feedback hello help helpdesk hostmaster hr info inquiries it jobs kontakt mail marketing news noc
    noreply no-reply office orders postmaster press privacy purchasing reception root sales security service
    support team vertrieb webmaster
    """.split()  # noqa: SIM905 - sixty names are easier to read like this
)
"""Mailboxes that belong to a task (RFC 2142 and custom)."""


def flags(address: str) -> list[str]:
    """`disposable` and `role`, as far as they are true of the address."""
    name, _, domain = address.lower().rpartition("@")
    parts = domain.split(".")
    domains = {".".join(parts[start:]) for start in range(len(parts) - 1)}
    found = {"disposable": not domains.isdisjoint(_disposable()), "role": name.partition("+")[0] in ROLES}
    return [flag for flag, true in found.items() if true]


@cache
def _disposable() -> frozenset[str]:
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
