"""A fresh process that sends as many messages at once as its first argument says, to the port that
its second names; each has a calendar file. Prints the outcomes."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from scheduler.settings import ChannelName
from tasks.messages.letter import Attachment
from tests.tasks.channels.attempt import AT, KEY, a_letter, a_person, channels


def main(count: int, port: int) -> None:
    sys.setswitchinterval(1e-6)  # threads meet in every line
    url = f"json://127.0.0.1:{port}/hook?:person={{person_id}}"
    channel = channels(channel_webhook=url, send_timeout="60s")[ChannelName.WEBHOOK]
    letter = a_letter(attachments=(Attachment("lesson.ics", "text/calendar", b"BEGIN"),))
    ready = Barrier(count)

    def send(_: int) -> str:
        ready.wait()
        outcome = channel.send(letter, a_person(), KEY, AT)
        return f"{outcome.result} {outcome.words}"

    with ThreadPoolExecutor(count) as threads:
        print(*threads.map(send, range(count)), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
