"""Answers of SMS providers, by the name of their Apprise plugin.

From each provider's own reference. Codes about the recipient's number count as the person's; codes
about the login, the sender, the balance or a country that is not enabled count as the channel's.
"""

from collections.abc import Mapping

from tasks.channels.web.services.form import Form, Mark
from tasks.channels.web.services.plain_words import PlainWords
from tasks.channels.web.services.service_words import Reader

# https://developers.africastalking.com/docs/sms/sending/bulk
AFRICAS_TALKING = Form(
    marks=(
        Mark("SMSMessageData.Recipients.*.statusCode", yes="100|101|102"),
        Mark("SMSMessageData.Message"),  # no recipients: the whole request was refused
    ),
    id=("SMSMessageData.Recipients.0.messageId",),
    words=("SMSMessageData.Recipients.0.status", "SMSMessageData.Message"),
    code=("SMSMessageData.Recipients.0.statusCode",),
    person="403|404|406|409",
    channel="402|InvalidSenderId",
    balance="405|InsufficientBalance",
    passing="401|407|500|501|502",
)

# https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms
VONAGE = Form(
    marks=(Mark("messages.*.status", yes="0"),),
    id=("messages.0.message-id",),
    words=("messages.0.error-text",),
    code=("messages.0.status",),
    person="7|33",
    channel="4|8|11|14|15|29|32",
    balance="9",
    passing="1|5|10",
)

# https://developers.clicksend.com/docs (Application status codes)
CLICKSEND = Form(
    marks=(
        Mark("data.messages.*.status", yes="SUCCESS"),
        Mark("response_code", no="(?!SUCCESS).*"),
    ),
    id=("data.messages.0.message_id",),
    words=("data.messages.0.status", "response_msg"),
    code=("data.messages.0.status", "response_code"),
    person="INVALID_RECIPIENT|.*OPT(ED)?_?OUT.*|LANDLINE.*",
    balance="INSUFFICIENT_CREDIT",
    channel="COUNTRY_NOT_ENABLED|INVALID_SENDER_ID|INVALID_CREDENTIALS"
    "|ACCOUNT_NOT_ACTIVATED|UNAUTHORIZED|.*SENDER.*",
    passing="THROTTLED|TOO_MANY.*|NOT_ENOUGH_PERMISSION_TO_QUEUE|INTERNAL.*",
)

# https://docs.msg91.com/sms/send-sms
MSG91 = Form(
    marks=(Mark("type", yes="success"),),
    id=("request_id", "message"),
    words=("message",),
    person=".*(mobile|number).*",
    channel=".*(auth ?key|template|flow|ip ).*",
    balance=".*(balance|credit).*",
)

# https://docs.seven.io/en/rest-api/endpoints/sms: JSON, or the bare code
SEVEN = Form(
    marks=(
        Mark("messages.*.success", yes="true"),
        Mark("success", yes="100"),
        Mark("", yes="100", no=r"\d{3}"),
    ),
    id=("messages.0.id",),
    words=("messages.0.error_text",),
    code=("messages.0.error", "success", ""),
    person="202|301|403",
    balance="500",
    channel="201|900|901|902|903",
    passing="600|700",
)

# https://www.twilio.com/docs/api/errors
TWILIO = Form(
    marks=(
        Mark(
            "status",
            yes="queued|accepted|scheduled|sending|sent|delivered|read",
            no=r"failed|undelivered|canceled|[45]\d\d",
        ),
    ),
    id=("sid",),
    words=("message", "error_message", "status"),
    code=("code", "error_code"),
    person="21211|21214|21217|21610|21612|21614|30003|30004|30005|30006",
    channel="20003|20005|20006|20008|20404|21212|21408|21606|21608|21659|21660|30002|30034",
    passing="20429|20500|20503|30001",
)

# https://www.plivo.com/docs/messaging/api/message
PLIVO = Form(
    marks=(Mark("error"), Mark("message_uuid.*", yes=".+")),
    id=("message_uuid.0",),
    words=("error",),
)

# https://developers.telnyx.com/docs/messaging
TELNYX = Form(
    marks=(
        Mark("errors.*.code"),
        Mark("data.to.*.status", yes="queued|sending|sent|delivered|delivery_unconfirmed"),
    ),
    id=("data.id",),
    words=("errors.0.detail", "errors.0.title", "data.to.0.status"),
    code=("errors.0.code",),
    person="40300|40301|40310|40001|40012",
    channel="10009|20100|40305|40306|40313|40333",
    passing="10011|10016|40318",
)

# https://developers.sinch.com/docs/sms
SINCH = Form(
    marks=(Mark("code"), Mark("id", yes=".+")),
    id=("id",),
    words=("text", "message"),
    code=("code",),
    channel="unauthorized|forbidden|.*service_plan.*",
)

# https://www.infobip.com/docs/essentials/response-status-and-error-codes
INFOBIP = Form(
    marks=(
        Mark("requestError.serviceException.messageId"),
        Mark("messages.*.status.groupName", yes="PENDING|DELIVERED|ACCEPTED"),
    ),
    id=("messages.0.messageId",),
    words=("messages.0.status.description", "requestError.serviceException.text"),
    code=("messages.0.status.name", "requestError.serviceException.messageId"),
    person="REJECTED_(DESTINATION.*|INVALID_DESTINATION|PREFIX_MISSING|DND)|UNDELIVERABLE.*"
    "|REJECTED_NUMBER.*",
    channel="REJECTED_(SENDER|SOURCE|NETWORK|ACCOUNT.*|ROUTE.*)|UNAUTHORIZED",
    balance="REJECTED_NOT_ENOUGH_CREDITS",
    passing="REJECTED_(FLOODING_FILTER|SYSTEM_ERROR)|TOO_MANY_REQUESTS",
)

# https://developers.messagebird.com/api/sms-messaging
MESSAGEBIRD = Form(
    marks=(
        Mark("errors.*.code"),
        Mark("recipients.items.*.status", yes="scheduled|sent|buffered|delivered"),
    ),
    id=("id",),
    words=("errors.0.description", "recipients.items.0.status"),
    code=("errors.0.code",),
    channel="2|98",
    balance="25",
    passing="99|101",
)

# https://www.bulksms.com/developer/json/v1/
BULKSMS = Form(
    marks=(Mark("*.status.type", yes="ACCEPTED|SCHEDULED|SENT|DELIVERED"), Mark("status")),
    id=("0.id",),
    words=("detail", "title", "0.status.subtype", "0.status.type"),
    code=("0.status.subtype",),
    person=".*(INVALID_RECIPIENT|BLOCKED|OPTED).*",
    channel=".*SENDER.*",
    balance=".*CREDIT.*",
)

# https://d7networks.com/docs/Messages/Send_Message
D7 = Form(
    marks=(Mark("status", yes="accepted"), Mark("detail.code"), Mark("detail")),
    id=("request_id",),
    words=("detail.message", "detail"),
    code=("detail.code",),
)

# https://46elks.com/docs/send-sms
ELKS = Form(
    marks=(Mark("status", yes="created|sent|delivered"),),
    id=("id",),
    words=("status",),
)

# https://developer.transmitsms.com
BURSTSMS = Form(
    marks=(Mark("error.code", yes="SUCCESS"),),
    id=("message_id",),
    words=("error.description",),
    code=("error.code",),
    person="RECIPIENTS?_ERROR|RECIPIENT.*|BAD_NUMBER",
    balance="LEDGER_ERROR",
    channel="AUTH_FAILED.*|NOT_ALLOWED|BAD_CALLER_ID",
    passing="OVER_LIMIT",
)

# https://kavenegar.com/rest.html
KAVENEGAR = Form(
    marks=(Mark("return.status", yes="200"),),
    id=("entries.0.messageid",),
    words=("return.message",),
    code=("return.status",),
    person="411",
    channel="401|402|403|407|412|424|426|427|428|429|430|431|432",
    balance="418",
    passing="409|451",
)

# https://smsc.ru/api/http/send/
SMSC = Form(
    marks=(Mark("error_code"), Mark("id", yes=".+")),
    id=("id",),
    words=("error",),
    code=("error_code",),
    person="7|8",
    channel="2|4",
    balance="3",
    passing="9",
)

# https://voip.ms/m/apidocs.php
VOIPMS = Form(
    marks=(Mark("status", yes="success"),),
    id=("sms",),
    words=("message", "status"),
    code=("status",),
    person="invalid_(dst|number|contact)",
    channel="invalid_credentials|ip_not_enabled|api_not_enabled|sms_toggle|invalid_did|no_did",
    balance="not_enough.*",
    passing="limit_reached|.*_limit",
)

# https://developer.telesign.com/enterprise/docs/all-status-and-error-codes
TELESIGN = Form(
    marks=(Mark("status.code", yes="200|203|290|291|292|295"), Mark("errors.*.code")),
    id=("reference_id",),
    words=("status.description", "errors.0.description"),
    code=("status.code", "errors.0.code"),
    person="207|211|229|230|231|234|238|300",
    channel="221|225|501|505|508|509|510|-\\d+",
    passing="210|220|233|237|500|599",
)

# https://docs.clickatell.com: one entry per number; an error of the whole request is at the top
# level
CLICKATELL = Form(
    marks=(
        Mark("messages.*.accepted", yes="true"),
        Mark("errorCode"),
        Mark("error", no="(?!null$).+"),
    ),
    id=("messages.0.apiMessageId",),
    words=("messages.0.error", "messages.0.errorDescription", "errorDescription", "error"),
    code=("messages.0.errorCode", "errorCode"),
    person="105|106|121|133|134|.*(destination|recipient).*",
    channel="001|1|002|2|005|5|100|302|606|607|.*(auth|integration).*",
    balance="301|.*credit.*",
)

# https://smsmanager.com/docs/http: `OK|request|number`, `ERROR|code`
SMSMANAGER = PlainWords(
    yes=r"OK\|([^|]+)",
    no=r"ERROR\|(\d*)",
    person="201",
    channel="103|104|203|301",
    balance="105",
)

# https://api.octopush.com/v1/documentation
OCTOPUSH = Form(
    marks=(Mark("code"), Mark("sms_ticket", yes=".+")),
    id=("sms_ticket",),
    words=("message",),
    code=("code",),
)

# https://mobilemessage.com.au/api-documentation
MOBILEMESSAGE = Form(
    marks=(Mark("results.*.status", yes="success"), Mark("error")),
    id=("results.0.message_id",),
    words=("results.0.error", "error"),
    code=("results.0.status",),
    person=".*(blocked|invalid|unsubscribed).*",
)

# https://developer.exotel.com/api/sms
EXOTEL = Form(
    marks=(
        Mark("RestException.Status"),
        Mark("SMSMessage.Status", yes="queued|sending|submitted|sent"),
    ),
    id=("SMSMessage.Sid",),
    words=("RestException.Message", "SMSMessage.DetailedStatus", "SMSMessage.Status"),
    code=("SMSMessage.Status", "RestException.Status"),
    person="failed-dnd",
)

# https://developers.cm.com/messaging
CM = Form(
    marks=(Mark("messages.*.status", yes="Accepted"), Mark("errorCode", yes="0")),
    id=("messages.0.reference",),
    words=("messages.0.messageDetails", "details"),
    code=("messages.0.messageErrorCode", "errorCode"),
    person="303|304",
    channel="101|102|103|104",
    passing="401|402|999",
)

# https://portal.bulkvs.com/api/v1.0/documentation
BULKVS = Form(
    marks=(Mark("Results.*.Status", yes="SUCCESS"), Mark("Code")),
    id=("RefId",),
    words=("Description", "Results.0.Status"),
    code=("Code",),
)

# https://docs.httpsms.com
HTTPSMS = Form(
    marks=(Mark("status", yes="success"),),
    id=("data.id",),
    words=("message",),
)

# https://developers.kaleyra.io/docs/send-a-message
KALEYRA = Form(
    marks=(
        Mark("code"),
        Mark("error.*"),
        Mark("data.*.message_id", yes=".+"),
        Mark("id", yes=".+"),
    ),
    id=("data.0.message_id", "id"),
    words=("message",),
    code=("code",),
)

# https://dev.serwersms.pl/https-api-v2
SERWERSMS = Form(
    marks=(Mark("success", yes="true"), Mark("error.code")),
    id=("items.0.id",),
    words=("error.message",),
    code=("error.code",),
)

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: XML
SNS = Form(
    marks=(Mark("Error.Code"), Mark("PublishResult.MessageId", yes=".+")),
    id=("PublishResult.MessageId",),
    words=("Error.Message",),
    code=("Error.Code",),
    person="OptedOut|InvalidParameter",
    channel="AuthorizationError|InvalidClientTokenId|SignatureDoesNotMatch|AccessDenied.*",
    passing="Throttl.*|InternalError|ServiceUnavailable",
)

# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
WHATSAPP = Form(
    marks=(Mark("error.code"), Mark("messages.*.id", yes=".+")),
    id=("messages.0.id",),
    words=("error.message",),
    code=("error.code",),
    person="131026|131021|131030|131051",
    channel="0|3|10|190|2\\d\\d|131005|131031|131042|133010|368",
    passing="1|2|4|80007|130429|131016|131048|131056",
)

SMS: Mapping[str, Reader] = {
    "africas_talking": AFRICAS_TALKING,
    "bulksms": BULKSMS,
    "bulkvs": BULKVS,
    "burstsms": BURSTSMS,
    "clickatell": CLICKATELL,
    "clicksend": CLICKSEND,
    "cm": CM,
    "d7networks": D7,
    "exotel": EXOTEL,
    "fortysixelks": ELKS,
    "httpsms": HTTPSMS,
    "infobip": INFOBIP,
    "kaleyra": KALEYRA,
    "kavenegar": KAVENEGAR,
    "messagebird": MESSAGEBIRD,
    "mobilemessage": MOBILEMESSAGE,
    "msg91": MSG91,
    "octopush": OCTOPUSH,
    "plivo": PLIVO,
    "serwersms": SERWERSMS,
    "seven": SEVEN,
    "sinch": SINCH,
    "smsc": SMSC,
    "smsmanager": SMSMANAGER,
    "sns": SNS,
    "telesign": TELESIGN,
    "telnyx": TELNYX,
    "twilio": TWILIO,
    "voipms": VOIPMS,
    "vonage": VONAGE,
    "whatsapp": WHATSAPP,
}
