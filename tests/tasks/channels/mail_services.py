"""Every mail plugin that Apprise has: a URL of each, and which of its parts are secret.

Against `Internet`, whose answer (`WELCOME`) has what any of the services says.
"""

from dataclasses import dataclass

from tasks.messages.letter import Attachment, Letter
from tests.tasks.channels.attempt import a_letter

DESK = "desk@school.example"


@dataclass(frozen=True, slots=True)
class MailService:
    """`secrets` are parts of `url`. `login`: names beside the message in a body under which the
    service itself is given one. `calendar`: under which type the file reaches the person."""

    url: str
    secrets: tuple[str, ...]
    login: tuple[str, ...] = ()
    calendar: str | None = "text/calendar"


def with_key(scheme: str, key: str, calendar: str | None = "text/calendar") -> MailService:
    return MailService(f"{scheme}://{key}:{DESK}/{{email}}", (key,), calendar=calendar)


BY_NAME = "by its name"  # the service gets no type
UNTYPED = "application/octet-stream"

SERVICES = {
    "acs": MailService(
        f"acs://{DESK}/QUNTa2V5MTIzNDU2Nzg5/school.communication.azure.com/{{email}}",
        ("QUNTa2V5MTIzNDU2Nzg5",),
    ),
    "azure": MailService(
        f"azure://{DESK}/0a1b2c3d-tenant-4e5f/c11e27-1d-6789/s3cretAzure0123/{{email}}",
        ("0a1b2c3d-tenant-4e5f", "c11e27-1d-6789", "s3cretAzure0123"),
    ),
    "brevo": with_key("brevo", "xkeysib-0123456789abcdef", BY_NAME),
    "groundmail": with_key("groundmail", "gm_k3y0123456789"),
    "mailersend": with_key("mailersend", "mlsn.k3y0123456789", BY_NAME),
    "mailgun": MailService(
        f"mailgun://{DESK}/key-0123456789abcdef/{{email}}",
        ("key-0123456789abcdef",),
        calendar=BY_NAME,
    ),
    "pingram": MailService(
        f"pingram://pingram_sk_k3y0123456789/{{email}}?from={DESK}",
        ("pingram_sk_k3y0123456789",),
        calendar=None,
    ),
    "postmark": with_key("postmark", "pm-k3y0123456789"),
    "resend": with_key("resend", "re_k3y0123456789", UNTYPED),
    "sendgrid": with_key("sendgrid", "SG.k3y0123456789", UNTYPED),
    "sendpulse": MailService(
        f"sendpulse://{DESK}/client0123456789/s3cret0123456789/{{email}}",
        ("client0123456789", "s3cret0123456789"),
        calendar=BY_NAME,
    ),
    "ses": MailService(
        f"ses://{DESK}/AKIA0123456789/s3cretkey0123456789/eu-west-1/{{email}}",
        ("AKIA0123456789", "s3cretkey0123456789"),
    ),
    "smtp2go": MailService(
        f"smtp2go://{DESK}/api-K3Y0123456789/{{email}}", ("api-K3Y0123456789",), ("api_key",)
    ),
    "sparkpost": MailService(
        f"sparkpost://{DESK}/k3y0123456789abcdef/{{email}}", ("k3y0123456789abcdef",)
    ),
}

WELCOME = b"""{"access_token": "granted0123456789", "expires_in": 3600, "id": "1", "MessageId": "1",
    "messageId": "1", "result": true, "ErrorCode": 0, "mail": "desk@school.example",
    "data": {"succeeded": 1}, "results": {"total_accepted_recipients": 1}}"""
CALENDAR = Attachment(
    name="session.ics",
    mime_type="text/calendar; method=PUBLISH; charset=utf-8",
    content=b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
)


def a_real_letter() -> Letter:
    return a_letter(
        title="ፊዚክስ at 14:00",
        text="Your lesson ፊዚክስ begins at 14:00.",
        html="<p>Your lesson ፊዚክስ begins at <b>14:00</b>.</p>",
        attachments=(CALENDAR,),
    )
