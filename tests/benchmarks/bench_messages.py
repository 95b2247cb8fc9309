"""Rate of rendering messages on one core, by language and channel.

uv run python -m tests.benchmarks.bench_messages
"""

from time import process_time

from scheduler.message import Message
from scheduler.settings import ChannelName
from tasks.messages.render import TONGUES, Words, render
from tests.tasks.messages.samples import a_lesson, a_message, words

SECONDS = 0.5


def rate(message: Message, channel: ChannelName, known: Words) -> float:
    """Messages a second of processor time, the first left out."""
    render(message, channel, known)
    made, begun = 0, process_time()
    while process_time() - begun < SECONDS:
        render(message, channel, known)
        made += 1
    return made / (process_time() - begun)


def main() -> None:
    known = words()
    for language in TONGUES:
        message = a_message(a_lesson(language), language=language)
        for channel in ChannelName:
            print(f"{language} {channel:<10}{rate(message, channel, known):>10,.0f}/s")


if __name__ == "__main__":
    main()
