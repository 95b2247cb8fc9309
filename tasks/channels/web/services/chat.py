"""Refusals of chat and push services, by the name of their Apprise plugin.

A 2xx is a yes unless the body refuses: none of them is known to drop a message silently.
"""

from collections.abc import Mapping

from tasks.channels.web.seen import WebSeen
from tasks.channels.web.services.body import first, structure
from tasks.channels.web.services.form import Form, Mark
from tasks.channels.web.services.service_words import Reader

# https://core.telegram.org/bots/api#making-requests
TELEGRAM = Form(
    marks=(Mark("ok", no="false"),),
    id=("result.message_id",),
    words=("description",),
    code=("error_code",),
    person=r"403|.*(chat not found|user not found|user is deactivated|blocked|kicked"
    r"|PEER_ID_INVALID|group chat was (deleted|upgraded)).*",
    channel="401|404|409",
    passing=r"429|5\d\d",
    wait=("parameters.retry_after",),
)


def supergroup_in(body: bytes) -> str | None:
    """The new id of a group that became a supergroup, in the refusal of a message to the old one
    (https://core.telegram.org/bots/api#responseparameters)."""
    return first(structure(body), "parameters.migrate_to_chat_id") or None


# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
FCM = Form(
    marks=(Mark("error.status"),),
    id=("name",),
    words=("error.message",),
    code=("error.details.0.errorCode", "error.status"),
    person="UNREGISTERED|NOT_FOUND|SENDER_ID_MISMATCH",
    channel="UNAUTHENTICATED|PERMISSION_DENIED|THIRD_PARTY_AUTH_ERROR",
    passing="UNAVAILABLE|INTERNAL|QUOTA_EXCEEDED|RESOURCE_EXHAUSTED",
)

# RFC 8030, 7.3 and RFC 8292, 4.2: what a push service says of a subscription
VAPID = Form(statuses={404: WebSeen.REFUSED_PERSON, 410: WebSeen.REFUSED_PERSON})

# https://docs.ntfy.sh/publish: an error has a code, a message an id
NTFY = Form(
    marks=(Mark("error"),),
    id=("id",),
    words=("error",),
    code=("code",),
    channel=r"40[13]\d\d|50701",
    passing=r"429\d\d|5\d{4}",
)

# https://documentation.onesignal.com/reference/create-message: 200 also if nobody was reached
ONESIGNAL = Form(
    marks=(
        Mark("errors.*"),
        Mark("errors.invalid_player_ids.*"),
        Mark("errors.invalid_aliases.*.*"),
    ),
    id=("id",),
    words=("errors.0",),
    person=r".*(not subscribed|invalid).*",
    otherwise=WebSeen.REFUSED_PERSON,
)

# https://pushover.net/api
PUSHOVER = Form(
    marks=(Mark("status", no="0"),),
    id=("request",),
    words=("errors.0",),
    person=".*user.*",
    channel=".*(token|limit).*",
)

# Group robots that answer 200 with a code: DingTalk, WeCom; Feishu and Lark
ROBOT = Form(
    marks=(Mark("errcode", no="(?!0$).*"),),
    words=("errmsg",),
    code=("errcode",),
    passing="-1|45009|130101|660026",
    otherwise=WebSeen.REFUSED_CHANNEL,
)
LARK = Form(
    marks=(Mark("code", no="(?!0$).*"), Mark("StatusCode", no="(?!0$).*")),
    words=("msg", "StatusMessage"),
    code=("code", "StatusCode"),
    passing="9499|11232",
    otherwise=WebSeen.REFUSED_CHANNEL,
)

CHAT: Mapping[str, Reader] = {
    "dingtalk": ROBOT,
    "fcm": FCM,
    "feishu": LARK,
    "lark": LARK,
    "ntfy": NTFY,
    "one_signal": ONESIGNAL,
    "pushover": PUSHOVER,
    "telegram": TELEGRAM,
    "vapid": VAPID,
    "wecombot": ROBOT,
}
