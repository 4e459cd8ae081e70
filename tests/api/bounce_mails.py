"""Reports as mail servers write them, about letters to alice that we sent."""

from datetime import UTC, datetime

from commands import KEYS

from leadapi.address_hashes import letter_seal

KEY = KEYS["LEADAPI_HASH_KEY"]

WRITTEN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

_MAIL = """From: {sender}
To: blog@example.com
Subject: {subject}
Date: Sun, 01 Mar 2026 09:00:00 +0100
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report};
	boundary="=_b"

This is a MIME-encapsulated message.

--=_b
Content-Type: text/plain; charset=us-ascii

{words}

--=_b
{told}

--=_b
{returned}

--=_b--
"""

_RETURNED = """Content-Description: Undelivered Message
Content-Type: message/rfc822

From: The Blog <blog@example.com>
To: Alice <alice@example.com>
Subject: Your whitepaper
Message-ID: <SEALED>
Content-Type: text/plain

Hello"""

_HEADERS = """Content-Type: text/rfc822-headers

From: The Blog <blog@example.com>
To: alice@example.com
Message-ID: <SEALED>
"""


def sealed(address: str) -> str:
    """The Message-ID of the letter to this address, without its brackets."""
    return f"confirmation.1.{letter_seal('confirmation.1', address, KEY)}@blog.example.com"


def _mail(
    told: str,
    returned: str = _RETURNED,
    report: str = "delivery-status",
    to: str = "alice@example.com",
    **changed: str,
) -> bytes:
    values = {
        "sender": "MAILER-DAEMON@mail.example.com",
        "subject": "Undelivered",
        "words": "I'm sorry.",
    } | changed
    written = _MAIL.format(told=told, returned=returned, report=report, **values)
    return written.replace("SEALED", sealed(to)).encode()


POSTFIX = _mail(
    """Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 4XyZ
X-Postfix-Sender: rfc822; blog@example.com
Arrival-Date: Sun,  1 Mar 2026 08:59:58 +0100 (CET)

Final-Recipient: rfc822; alice@example.com
Original-Recipient: rfc822;alice@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <alice@example.com>: Recipient address
    rejected: User unknown in virtual mailbox table"""
)
EXIM = _mail(
    """Content-type: message/delivery-status

Reporting-MTA: dns; exim.example.com

Action: failed
Final-Recipient: rfc822;alice@example.com
Status: 5.0.0
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 no mailbox by that name is currently available
""",
    sender="Mail Delivery System <Mailer-Daemon@exim.example.com>",
)
EXCHANGE = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB1234.eurprd01.prod.exchangelabs.com
Received-From-MTA: dns;mail.example.com
Arrival-Date: Sun, 1 Mar 2026 07:59:59 +0000

Final-Recipient: rfc822;Alice@Example.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup
X-Display-Name: Alice""",
    subject="Undeliverable: Your whitepaper",
).replace(b"\n", b"\r\n")
GMAIL = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; blog@example.com
Arrival-Date: Sun, 01 Mar 2026 00:00:00 -0800 (PST)
X-Original-Message-ID: <SEALED>

Final-Recipient: rfc822; alice@example.com
Action: failed
Status: 5.2.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (142.250.0.27, the server for
 the domain example.com.)
Diagnostic-Code: smtp; 550-5.2.1 The email account that you tried to reach is
 550 5.2.1 inactive.
Last-Attempt-Date: Sun, 01 Mar 2026 00:00:01 -0800 (PST)""",
    sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
)
SENDMAIL = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; sendmail.example.com
Arrival-Date: Sun, 1 Mar 2026 08:59:58 +0100

Final-Recipient: RFC822; alice@example.com
Action: failed
Status: 5.1.1 (bad destination mailbox address)
Remote-MTA: DNS; mx.example.com""",
    _HEADERS,
)
SMTPUTF8 = _mail(
    """Content-Type: message/global-delivery-status
Content-Transfer-Encoding: quoted-printable

Reporting-MTA: dns; mail.example.com

Final-Recipient: utf-8; =C3=A4lice@example.com
Action: failed
Status: 5.1.1""",
    "Content-Type: text/rfc822-headers\n\nMessage-ID: <SEALED>\n",
    to="älice@example.com",
)
XTEXT = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Original-Recipient: rfc822;alice+2Bnews@example.com
Final-Recipient: rfc822;mailbox7@hosting.example
Action: failed
Status: 5.1.1""",
    "Content-Type: text/rfc822-headers\n\nMessage-ID: <SEALED>\n",
    to="alice+news@example.com",
)
FORWARDED = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822;alice@elsewhere.example
Action: failed
Status: 5.1.1"""
)
TWO_RECEIVERS = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822;alice@example.com
Action: failed
Status: 5.1.1

Final-Recipient: rfc822;bob@example.com
Action: delivered
Status: 2.0.0""",
    _HEADERS,
)

FORGED = POSTFIX.replace(
    sealed("alice@example.com").encode(), b"confirmation.1.00000000000000000000@blog.example.com"
)
ANOTHERS = POSTFIX.replace(sealed("alice@example.com").encode(), sealed("mallory@example.com").encode())
UNSEALED = POSTFIX.replace(sealed("alice@example.com").encode(), b"confirmation.1@blog.example.com")
NOTHING_BACK = _mail(
    """Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822;alice@example.com
Action: failed
Status: 5.1.1""",
    "Content-Type: text/plain\n\nNothing came back.",
)
MANY = _mail(
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.com\n"
    + "".join(
        f"\nFinal-Recipient: rfc822;{who}@example.com\nAction: failed\nStatus: 5.1.1\n"
        for who in ("alice", "bob", "carol")
    )
)

DELAYED = POSTFIX.replace(b"Action: failed\nStatus: 5.1.1", b"Action: delayed\nStatus: 4.4.1")
EXPIRED = POSTFIX.replace(b"Status: 5.1.1", b"Status: 4.4.7")
BY_POLICY = POSTFIX.replace(b"Status: 5.1.1", b"Status: 5.7.1")
RECEIPT = POSTFIX.replace(b"Action: failed\nStatus: 5.1.1", b"Action: delivered\nStatus: 2.1.5")

_ABUSE = """Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <blog@example.com>
Original-Rcpt-To: <alice@example.com>
Arrival-Date: Sun, 1 Mar 2026 08:00:00 +0000
Source-IP: 192.0.2.1"""
ABUSE = _mail(_ABUSE, report="feedback-report", sender="feedback@example.net")
HIDDEN_RECEIVER = _mail(
    _ABUSE.replace("Original-Rcpt-To: <alice@example.com>\n", ""), _HEADERS, report="feedback-report"
)
NOT_SPAM = _mail(_ABUSE.replace("abuse", "not-spam"), report="feedback-report")
DMARC = _mail(_ABUSE.replace("abuse", "auth-failure"), report="feedback-report")

VACATION = b"""From: alice@example.com
To: blog@example.com
Subject: Out of office
Content-Type: text/plain

I am away. Action: failed. Status: 5.1.1. Final-Recipient: rfc822; alice@example.com
"""
QMAIL = b"""From: MAILER-DAEMON@qmail.example.com
To: blog@example.com
Subject: failure notice

Hi. This is the qmail-send program at qmail.example.com.

<alice@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)
"""
