"""The SMS plugins of Apprise, each with a URL that it takes and what its request must hold.

`number`: the form in which +251911223344 is sent. `asks`: the field that tells the provider of
letters outside the GSM alphabet; empty if the provider detects them.
"""

from dataclasses import dataclass

A32, B32 = "a" * 32, "b" * 32
UUID = "aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa"


@dataclass(frozen=True, slots=True)
class SmsService:
    scheme: str
    url: str
    number: str
    asks: str = ""


E164, DIGITS = "+251911223344", "251911223344"
SERVICES = (
    SmsService("46elks", "elks://user:password@TUTOR/{phone}", E164),
    SmsService("atalk", "atalk://user@apikey0123456789/{phone}?from=TUTOR", E164),
    SmsService("bulksms", "bulksms://user:password@{phone}", E164, '"encoding": "UNICODE"'),
    SmsService("bulkvs", "bulkvs://user:password@15551234567/{phone}", DIGITS),
    SmsService("burstsms", "burstsms://apikey01:secret0123456789@15551234567/{phone}", DIGITS),
    SmsService("clickatell", "clickatell://apikey0123456789/{phone}", DIGITS),
    SmsService("clicksend", "clicksend://user:key0123456789@{phone}", E164),
    SmsService("cm", f"cm://TUTOR@{UUID}/{{phone}}", "00251911223344", '"type": "auto"'),
    SmsService("d7sms", "d7sms://token0123456789@{phone}", DIGITS, '"data_coding": "auto"'),
    SmsService("eight00com", "eight00com://apikey0123456789@15551234567/{phone}", E164),
    SmsService(
        "exotel",
        "exotel://sid0123:token0123456789@+15551234567/{phone}",
        DIGITS,
        "EncodingType=unicode",
    ),
    SmsService("httpsms", "httpsms://apikey0123456789@15551234567/{phone}", E164),
    SmsService("infobip", "infobip://apikey0123456789@host.api.infobip.com/TUTOR/{phone}", DIGITS),
    SmsService(
        "kaleyra",
        "kaleyra://sid0123456789:apikey0123456789@TUTORS/{phone}",
        DIGITS,
        '"unicode": "AUTO"',
    ),
    SmsService("kavenegar", f"kavenegar://{A32}/{{phone}}", DIGITS),
    SmsService("msg91", "msg91://templateid0123@authkey0123456789/{phone}", DIGITS),
    SmsService(
        "msgbird", f"msgbird://{'a' * 25}/+15551234567/{{phone}}", E164, "datacoding=unicode"
    ),
    SmsService("notifyre", "notifyre://apikey0123456789/{phone}", E164),
    SmsService("octopush", "octopush://TUTOR:me@site.example/apikey0123456789/{phone}", E164),
    SmsService("serwersms", "serwersms://user:password@TUTOR/{phone}", E164, '"utf": true'),
    SmsService("seven", "seven://apikey0123456789/{phone}", E164),
    SmsService("sfr", "sfr://12345:password@spaceid/{phone}", DIGITS, "SMSUnicode"),
    SmsService("sinch", f"sinch://{A32}:{B32}@15551234567/{{phone}}", E164),
    SmsService("smsc", "smsc://user:password@{phone}", DIGITS, "charset=utf-8"),
    SmsService(
        "smseagle", "smseagles://token0123456789@host.example/{phone}", E164, '"unicode": 1'
    ),
    SmsService("smsmanager", "smsmanager://apikey0123456789@{phone}", E164),
    SmsService("smstunnel", f"smstunnel://{A32}/{{phone}}", E164),
    SmsService("sns", f"sns://{'A' * 20}/{'b' * 40}/us-east-1/{{phone}}", E164),
    SmsService("telesign", f"telesign://{UUID}:YXBpa2V5MDEyMzQ1Njc4OQ==@{{phone}}", DIGITS),
    SmsService("telnyx", "telnyx://apikey0123456789@15551234567/{phone}", E164),
    SmsService("twilio", f"twilio://AC{A32}:{B32}@+15551234567/{{phone}}", E164),
    SmsService(
        "vonage",
        "vonage://ACabcdefgh:ACabcdefgh01234567@+15551234567/{phone}",
        DIGITS,
        "type=unicode",
    ),
)
# Refused when the worker starts, and why in a word of the line.
REFUSED = {
    "mobilemessage": ("mobilemessage://user:password@TUTOR/{phone}", "takes no number"),
    "voipms": ("voipms://password:me@site.example/16135550100/{phone}", "takes no number"),
    "plivo": (f"plivo://{'M' * 20}@{'t' * 40}/15551234567/{{phone}}", "unfilled"),
    "freemobile": ("freemobile://user@password", "its own account's phone"),
    "smpp": ("smpp://user:password@host/15551234567/{phone}", "cannot be used"),
}
