"""At most so many messages in a span, across all workers (CHANNEL_X_RATE).

In any span of the rate's length at most its count, not an average: a window over the instants of
the last messages. It stands in Redis, and in PostgreSQL while Redis is away or not there
(docs/decisions/0031).
"""
