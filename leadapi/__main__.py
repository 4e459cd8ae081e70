"""The command line: python -m leadapi serve | migrate | doctor | export-leads | dead-letters | bounces | webhooks.

Whatever an operator can get wrong is answered in one sentence and an exit code, never in a traceback.
"""

import os
import signal

if __name__ == "__main__":  # Ctrl-C while all that is needed is read, which takes a second
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import sys

from sqlalchemy.exc import SQLAlchemyError

from leadapi import (
    clock,
    database_lock,
    database_state,
    lead_export,
    leads,
    mail_commands,
    start_checks,
    webhook_commands,
)
from leadapi.settings import BadSettings, from_environment
from leadapi.store import open_store


def main() -> None:
    """Read the command and carry it out."""
    parser = argparse.ArgumentParser(prog="python -m leadapi", description="The blog's service.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve_command = commands.add_parser("serve", help="answer requests")
    serve_command.add_argument("--host", default="127.0.0.1")
    serve_command.add_argument("--port", default="8000")
    commands.add_parser("migrate", help="bring the database to the newest version")
    commands.add_parser("doctor", help="say what is wrong with the settings and the database")
    export_command = commands.add_parser("export-leads", help="print every lead, one JSON object a line")
    export_command.add_argument("--format", choices=lead_export.FORMATS, default="jsonl")
    export_command.add_argument(
        "--marketing", action="store_true", help="only those who agreed to letters and may still be written to"
    )
    dead = commands.add_parser("dead-letters", help="print the letters and events that could not be delivered")
    dead.add_argument("--send-again", action="store_true", help="send them all again")
    mailbox = commands.add_parser("bounces", help="note the bounces and complaints in a mailbox")
    mailbox.add_argument("path", nargs="?", help="a Maildir, an mbox, a folder of .eml files, or - for stdin")
    mailbox.add_argument("--secret", action="store_true", help="print the secret for POST /api/bounces instead")
    webhook_commands.add_to(commands)
    options = parser.parse_args()
    try:
        if options.command == "serve":
            from leadapi.serving import serve  # no other command needs its packages, which take half a second

            serve(options.host, options.port)
        elif options.command == "bounces" and options.secret:
            mail_commands.show_bounce_secret(from_environment())
        elif options.command == "bounces":
            mail_commands.note_bounces(from_environment(), options.path or mailbox.error("say which mailbox"))
        elif options.command == "dead-letters":
            show = mail_commands.send_again if options.send_again else mail_commands.show_dead_letters
            show(from_environment())
        elif options.command == "export-leads":
            export_leads(options.format, marketing=options.marketing)
        elif options.command == "webhooks":
            webhook_commands.run(options, from_environment())
        else:
            {"migrate": migrate, "doctor": doctor}[options.command]()
    except BadSettings as error:
        sys.exit("\n".join(map(str, error.problems)))
    except database_state.Unusable as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def migrate() -> None:
    """Bring the database to the newest version."""
    settings = from_environment()
    database_state.upgrade(settings)
    print("The database is up to date.")


def doctor() -> None:
    """Print each problem; exit with 1 when `serve` would refuse to start."""
    settings, found = start_checks.examined()
    if not any(problem.variable == "DATABASE_URL" for problem in found):
        ours = database_lock.take_if_free(settings.database_url)
        found += database_state.examined(settings, ours=ours)
        if not ours:
            print(
                "Note: the database is in use, as by a running service; whether it can be written was not tried."
            )
    for problem in found:
        print(f"{'Error' if problem.fatal else 'Warning'}: {problem}")
    if any(problem.fatal for problem in found):
        sys.exit(1)
    print("Nothing keeps the service from starting.")


def export_leads(form: lead_export.Format, *, marketing: bool) -> None:
    """Print the leads in the form that was asked for; may run beside the service.

    It needs no secret, but for `marketing` the key under which the suppression list knows an address.
    """
    settings = from_environment()
    if marketing and not settings.hash_key:
        sys.exit("LEADAPI_HASH_KEY: is not set; without it nobody can tell who must not be written to.")
    database_state.require(settings)
    store = open_store(settings.database_url)
    try:
        with store.engine.connect() as connection:
            found = leads.export(connection)
            if marketing:
                found = lead_export.for_marketing(connection, found, settings.hash_key, clock.now())
            for text in lead_export.written(found, form):
                sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except SQLAlchemyError as error:
        sys.exit(f"The leads cannot be read: {database_state.reason(error)}.")
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        if not isinstance(error, BrokenPipeError):  # that is a reader who has seen enough
            sys.exit(f"The leads cannot be printed: {error.strerror}.")
    finally:
        store.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # main() answers it from here on
    main()
