"""Answers of mail services, by the name of their Apprise plugin.

From each service's reference. Errors of the recipient's address count as the person's; errors of
the sender's address, its domain or the login count as the channel's.
"""

from collections.abc import Mapping

from tasks.channels.web.services.form import ANYTHING, Form, Mark
from tasks.channels.web.services.service_words import Reader

SOME = r"[1-9]\d*"

# https://postmarkapp.com/developer/api/overview#error-codes
POSTMARK = Form(
    marks=(Mark("ErrorCode", yes="0"),),
    id=("MessageID",),
    words=("Message",),
    code=("ErrorCode",),
    person="406|.*'To'.*",
    channel="10|400|401|412|413|.*'From'.*",
    balance="405",
    passing="100|429",
)

# https://developers.smtp2go.com/docs/send-an-email: 200 also where every recipient failed
SMTP2GO = Form(
    marks=(Mark("data.succeeded", yes=SOME, no="0"), Mark("data.error_code")),
    id=("data.email_id",),
    words=("data.failures.0", "data.error"),
    code=("data.error_code",),
    person=".*(recipient|invalid address).*",
    channel=".*(PERMISSION_DENIED|API_KEY|sender).*",
)

# https://developers.sparkpost.com/api/transmissions/: 200 also where every recipient is rejected
SPARKPOST = Form(
    marks=(
        Mark("results.total_accepted_recipients", yes=SOME, no="0"),
        Mark("errors.*.message"),
    ),
    id=("results.id",),
    words=("errors.0.description", "errors.0.message", "results.rcpt_to_errors.0.message"),
    code=("errors.0.code",),
    person=".*recipient.*",
    channel="7001|.*(sending domain|from).*",
    passing=".*limit.*",
)

# https://sendpulse.com/integrations/api/smtp
SENDPULSE = Form(
    marks=(Mark("result", yes="true", no="false"), Mark("is_error", no="true"), Mark("error_code")),
    id=("id",),
    words=("message", "error_description"),
    code=("error_code",),
    person=".*recipient.*",
    channel=".*(sender|not active|client).*",
)

# https://documentation.mailgun.com/docs/mailgun/api-reference
MAILGUN = Form(
    marks=(Mark("id", yes=ANYTHING), Mark("message")),
    id=("id",),
    words=("message",),
    person=".*'to' parameter.*",
    channel=".*('from' parameter|not allowed to send|domain not found|forbidden).*",
)

# https://resend.com/docs/api-reference/errors
RESEND = Form(
    marks=(Mark("id", yes=ANYTHING), Mark("name")),
    id=("id",),
    words=("message",),
    code=("name",),
    person=".*`to`.*",
    channel="(invalid|missing|restricted)_(api_key|from_address)|invalid_access"
    "|.*(domain is not verified|testing emails|`from`).*",
    balance="(daily|monthly)_quota_exceeded",
    passing="rate_limit_exceeded|application_error|internal_server_error",
)

# https://developers.brevo.com/docs/how-it-works#error-codes
BREVO = Form(
    marks=(Mark("messageId", yes=ANYTHING), Mark("code")),
    id=("messageId",),
    words=("message",),
    code=("code",),
    person=r".*\bin to\b.*",
    channel="unauthorized|permission_denied|account_under_validation|.*sender.*",
    balance="not_enough_credits",
    passing="too_many_requests",
)

# https://developers.mailersend.com/general.html#warnings: 202 also where nobody will get it
MAILERSEND = Form(
    marks=(Mark("warnings.*.type", no="ALL_SUPPRESSED"), Mark("errors"), Mark("message")),
    words=("message",),
    code=("warnings.0.type",),
    person=r"ALL_SUPPRESSED|.*\bto\.\d.*",
    channel=".*(from.email|domain must be verified|unauthenticated).*",
)

# https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors
SENDGRID = Form(
    marks=(Mark("errors.*.message"),),
    words=("errors.0.message",),
    code=("errors.0.field",),
    person=r"personalizations\.\d+\.to.*",
    channel=r"from(\..*)?|.*(sender identity|authorization grant|access forbidden).*",
    balance=".*credits exceeded.*",
)

# https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html
SES = Form(
    marks=(Mark("Error.Code"),),
    id=("SendRawEmailResult.MessageId",),
    words=("Error.Message",),
    code=("Error.Code",),
    person=".*(illegal address|missing final '@domain'|domain contains|local address).*",
    channel="MailFromDomainNotVerified.*|ConfigurationSet.*|AccountSendingPaused.*|AccessDenied.*"
    "|SignatureDoesNotMatch|InvalidClientTokenId|.*not verified.*",
    passing="Throttling.*|ServiceUnavailable",
)

# https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsecode
MICROSOFT_GRAPH = Form(
    marks=(Mark("error.code"),),
    words=("error.message",),
    code=("error.code",),
    person="ErrorInvalidRecipients",
    channel="ErrorAccessDenied|ErrorSendAsDenied|ErrorInvalidUser|ErrorMessageSubmissionBlocked"
    "|MailboxNotEnabledForRESTAPI|InvalidAuthenticationToken|Authorization_RequestDenied"
    "|ResourceNotFound",
    passing="ApplicationThrottled|ErrorServerBusy|ErrorExceededMessageLimit.*",
)

# https://learn.microsoft.com/en-us/rest/api/communication/email/email/send
AZURE_COMMUNICATION = Form(
    marks=(Mark("error.code"),),
    id=("id",),
    words=("error.message",),
    code=("error.code",),
    person="EmailDroppedAllRecipientsSuppressed",
    channel="Denied|Unauthorized|DomainNotLinked|.*sender.*",
    passing="TooManyRequests",
)

MAIL: Mapping[str, Reader] = {
    "acs": AZURE_COMMUNICATION,
    "brevo": BREVO,
    "mailersend": MAILERSEND,
    "mailgun": MAILGUN,
    "office365": MICROSOFT_GRAPH,
    "postmark": POSTMARK,
    "resend": RESEND,
    "sendgrid": SENDGRID,
    "sendpulse": SENDPULSE,
    "ses": SES,
    "smtp2go": SMTP2GO,
    "sparkpost": SPARKPOST,
}
